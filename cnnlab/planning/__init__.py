"""Study files and configuration in, a plan out: arms, seeds, claims, files. Imports no heavy library."""

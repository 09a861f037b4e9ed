"""Each figure in a file of its own; `cnnlab.figures` puts them together."""

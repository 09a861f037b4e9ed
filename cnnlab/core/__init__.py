"""What every stage needs: errors in a line, checked input, whole files, paths and git. Imports nothing of ours."""

"""``python -m cnnlab``: how the rules call a step, whatever PATH holds."""

from cnnlab.cli.main import main

main(prog_name="cnnlab")

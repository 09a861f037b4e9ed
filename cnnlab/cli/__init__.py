"""Commands and the steps that the rules of the workflow call: every stage, in order."""

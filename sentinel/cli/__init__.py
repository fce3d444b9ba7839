"""The command line: one file per verb, each with a click command named `command`.

`main` is the frame: it imports a verb only when it is called for, turns every error into its exit
code, and nothing here but a verb's own file may compose adapters.
"""

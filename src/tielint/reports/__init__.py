"""The output formats: one pure function in each file, chosen by the command line."""

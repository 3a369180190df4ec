"""What must differ from the file: rules, edits, and the splicing that leaves all else as it is."""

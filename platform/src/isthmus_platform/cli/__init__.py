"""The command line, `isthmus-platform`."""

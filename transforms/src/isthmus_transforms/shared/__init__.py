"""What several dataflows use."""

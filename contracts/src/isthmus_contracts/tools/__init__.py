"""What tools need and no run does: documents, comparisons, exports and drawings of the catalog."""

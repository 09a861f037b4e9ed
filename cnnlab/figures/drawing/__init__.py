"""What all figures share: colours, lines, panels, labels, and the SVG that is written."""

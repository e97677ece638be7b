"""Files that people bring: read into rows of cells, or refused as a whole with one clear reason."""

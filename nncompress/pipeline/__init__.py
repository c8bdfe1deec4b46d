"""From an open file to an archive and back: limits, blocks coded at once, streams, file objects."""

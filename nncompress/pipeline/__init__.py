"""From an open file to an archive and back: options, limits, blocks coded at once, streams, file objects."""

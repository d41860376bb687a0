"""Film: editing arrays of frames, predicting the next ones, finding cuts, and one file with picture and sound."""

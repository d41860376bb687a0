"""A hands-on course on AI-generated content. Folders with a subject are what the course teaches; `kit` runs it.

autograd      reverse-mode differentiation over NumPy                                       chapter 4.1
text          n-grams, byte pairs, word vectors, segmentation, decoding, beam search        1, 2, 4.2, 5.2
              judging texts, retrieval, a classifier of genres, quatrains, copying          5.2, 6.1
translation   a task with known truth, encoder and decoder, attention                       3.2
gpt           GPT-2 written out: the network, its files, its training                       5.2
              adapters, preferences, speculative decoding, verse                            6.1
gan           losses, toys on known densities, networks for images, training                2, 3.3, 4.3, 5.3
images        the classifier, measures of generated images, a service                       3.1, 5.1, 5.3
video         editing frames, predicting the next ones, finding cuts, one file with sound   6.3
mistakes      one training, with one thing wrong: what it does to the loss                  9
trust         membership, private training, bias, watermark, labels, scaling laws              8
synthetic     data that the course makes itself, so that the truth is known
storage       weights and checkpoints in safetensors files
kit           what notebooks use and never explain: data, figures, exercises, commands
"""

__version__ = "0.1.0"

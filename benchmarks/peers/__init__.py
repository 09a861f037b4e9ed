"""Ways to train: each module has a class `Loop`, made from a `task.Task` and the number of its loader's workers.

epoch(images)              seconds of one pass over the first `images` training images
reach(accuracy, epochs)    seconds and epochs until the validation images are answered so well, or None
"""

"""Images: where they come from, how they are split once and for all, and how a training job reads them.

In: a `PreparedSpec`, and images from `sources`, a file each. Out: `prepare` writes one file and its card; `dataset` and
`batches` read it for training, varied (`variants`) and augmented (`augment`) as the arm asks.
"""

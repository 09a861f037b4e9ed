"""Images: where they come from, how they are split once and for all, and how a training job reads them.

`catalog` is for planning (standard library only), `sources` and `prepare` for the preparation step,
`load` and `augment` for training jobs.
"""

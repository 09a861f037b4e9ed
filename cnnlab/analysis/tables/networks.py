"""Tables of the networks: their layers, and the claims that need no training. `cnnlab.analysis.exact` makes the rows.

Their columns stand apart from it, as whoever asks for columns should not wait for torch.
"""

from __future__ import annotations

from cnnlab.analysis.tables.schema import CLAIM, COUNT, FLAG, NUMBER, TEXT, schema

COLUMNS = {
    "layers": schema(
        {
            "architecture": (TEXT, "name of the network"),
            "preset": (TEXT, "its size"),
            "channels": (COUNT, "of the images"),
            "image_size": (COUNT, "height and width of the images, in pixels"),
            "classes": (COUNT, "told apart"),
            "index": (COUNT, "place in the order of execution"),
            "layer": (TEXT, "name"),
            "stage": (TEXT, "part of the network that it belongs to"),
            "kind": (TEXT, "class of the layer"),
            "input_shape": (TEXT, "without the sample dimension, as 1x28x28"),
            "output_shape": (TEXT, "without the sample dimension"),
            "parameters": (COUNT, "trained numbers of the layer itself"),
            "macs": (COUNT, "multiply-accumulates of one image, forward"),
            "parameter_bytes": (COUNT, "of its parameters, float32"),
            "activation_bytes": (COUNT, "of its output for one image, float32"),
        },
        required=("architecture", "preset", "index", "layer", "stage", "kind", "parameters", "macs"),
        sort=("architecture", "preset", "index"),
    ),
    "exact": schema(
        {
            **CLAIM,
            "holds": (FLAG, "all required rows of its evidence do"),
            "summary": (TEXT, "the evidence in a sentence or two"),
        },
        required=("id", "part", "holds", "summary"),
        sort=("id", "part"),
    ),
    "evidence": schema(
        {
            **CLAIM,
            "index": (COUNT, "place within the claim"),
            "case": (TEXT, "what is looked at"),
            "quantity": (TEXT, "what is counted or measured"),
            "unit": (TEXT, "of value and against"),
            "value": (NUMBER, "found"),
            "relation": (TEXT, "that value must have to against; empty where it is only shown"),
            "against": (NUMBER, "what it is held against"),
            "against_name": (TEXT, "whose number that is"),
            "required": (FLAG, "decides the claim; others are shown beside"),
            "holds": (FLAG, "the relation does; missing where the value is only shown"),
        },
        required=("id", "part", "index", "case", "quantity", "value", "required"),
        sort=("id", "part", "index"),
    ),
}

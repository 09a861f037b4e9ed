# cnnlab: from study files to reports/summary.html.   snakemake --cores 4 --resources gpu=1
# What is to be done is decided in cnnlab/planning/plan.py; the rules only say what depends on what.
from snakemake.utils import min_version

from cnnlab.cli.workflow import Rules

min_version("9.0")


configfile: "workflow/config/default.yaml"


report: "workflow/report/workflow.rst"


WORK = Rules(config, workflow.configfiles)


include: "workflow/rules/train.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/measure.smk"


rule all:
    default_target: True
    input:
        WORK.manifests,
        WORK.tables("runs", "arms", "curves", "profiles", "classes", "contrasts", "claims", "robustness"),
        WORK.tables("layers", "exact", "evidence"),
        WORK.tables("measured/runs", "measured/claims", "measured/contrasts"),
        WORK.tables("measured/mlflow"),
        WORK.measured,
        WORK.figures,
        WORK.network_figures,
        WORK.path("attached.json"),
        WORK.report,


onstart:
    print(WORK.start(workflow.cores), flush=True)


onsuccess:
    print(WORK.done(), flush=True)

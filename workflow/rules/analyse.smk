# Records → tables → verdicts → figures → report; MLflow mirrors the records beside it.
# Files are compared by content, so a `touch` does nothing. Each rule names the code that it is made of: a statement that
# changes runs it again, a comment nothing. What it takes from the studies is a parameter too.


rule collect:
    input:
        WORK.manifests,
        WORK.lock,
    output:
        WORK.tables("runs", "arms", "curves", "profiles", "pictures", "classes", "confusion"),
        WORK.tables("measured/runs", "measured/claims"),
    log:
        WORK.path("logs/collect.log"),
    benchmark:
        WORK.path("benchmarks/collect.tsv")
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.analysis.tables.recorded"),
        studies=WORK.collected,
        flags=WORK.flags(keep="studies"),
    shell:
        "python -m cnnlab collect {params.flags} 2>&1 | tee {log}"


# Read off the networks, whatever studies are selected.
rule exact:
    input:
        WORK.lock,
    output:
        WORK.tables("layers", "exact", "evidence"),
    log:
        WORK.path("logs/exact.log"),
    benchmark:
        WORK.path("benchmarks/exact.tsv")
    conda:
        "../../environment.yml"
    params:
        code=WORK.code(
            "cnnlab.analysis.exact", "cnnlab.analysis.tables.networks", "cnnlab.analysis.tables.io"
        ),
        networks=WORK.networks,
        claims=str(WORK.plan.claims.computed_parts),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab exact {params.flags} 2>&1 | tee {log}"


rule compare:
    input:
        WORK.manifests,
        WORK.tables("exact"),
        WORK.lock,
    output:
        WORK.tables("contrasts", "claims", "robustness", "measured/contrasts"),
    log:
        WORK.path("logs/compare.log"),
    benchmark:
        WORK.path("benchmarks/compare.tsv")
    conda:
        "../../environment.yml"
    params:
        code=WORK.code(
            "cnnlab.analysis.tables.contrasts", "cnnlab.analysis.robustness", "cnnlab.analysis.tables.io"
        ),
        studies=WORK.compared,
        flags=WORK.flags(keep="studies"),
    shell:
        "python -m cnnlab compare {params.flags} 2>&1 | tee {log}"


rule figures:
    input:
        WORK.tables(
            "runs", "arms", "curves", "profiles", "pictures", "confusion", "contrasts", "claims", "layers"
        ),
        WORK.tables("measured/cost"),
        WORK.lock,
    output:
        WORK.figures,
        WORK.network_figures,
    log:
        WORK.path("logs/figures.log"),
    benchmark:
        WORK.path("benchmarks/figures.tsv")
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.figures"),
        studies=WORK.drawn,
        flags=WORK.flags(keep="studies"),
    shell:
        "python -m cnnlab figures {params.flags} 2>&1 | tee {log}"


# The store itself is neither input nor output of a rule: a click in the MLflow UI must not run anything again.
rule track:
    input:
        WORK.manifests,
    output:
        WORK.tables("measured/mlflow"),
    log:
        WORK.path("logs/track.log"),
    benchmark:
        WORK.path("benchmarks/track.tsv")
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.tracking"),
        tags=WORK.membership,
        flags=WORK.flags(keep="studies"),
    shell:
        "python -m cnnlab track {params.flags} 2>&1 | tee {log}"


rule render:
    input:
        WORK.tables("runs", "arms", "curves", "profiles", "classes", "contrasts", "claims", "robustness"),
        WORK.tables("layers", "exact", "evidence"),
        WORK.tables("measured/runs", "measured/claims", "measured/contrasts"),
        WORK.tables("measured/cost", "measured/mlflow", "measured/throughput"),
        WORK.figures,
        WORK.network_figures,
        WORK.elsewhere,
        WORK.assets,
        WORK.studies,
        WORK.claims,
        WORK.lock,
    output:
        WORK.report,
    log:
        WORK.path("logs/render.log"),
    benchmark:
        WORK.path("benchmarks/render.tsv")
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.report", "cnnlab.figures"),
        flags=WORK.flags(keep="studies"),
    shell:
        "python -m cnnlab render {params.flags} 2>&1 | tee {log}"

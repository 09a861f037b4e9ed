# Records → tables → verdicts → figures → report; MLflow mirrors the records beside it.
# Each rule lists its modules: small files are compared by content, so a `touch` does nothing and an edit runs it again.


rule collect:
    input:
        WORK.manifests,
        WORK.sources("cnnlab.analysis.tables.runs"),
        WORK.studies,
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
        flags=WORK.flags("studies"),
    shell:
        "python -m cnnlab collect {params.flags} 2>&1 | tee {log}"


# Read off the networks, whatever studies are selected.
rule inspect:
    input:
        WORK.sources("cnnlab.analysis.exact"),
        WORK.lock,
    output:
        WORK.tables("layers", "exact", "evidence"),
    log:
        WORK.path("logs/inspect.log"),
    benchmark:
        WORK.path("benchmarks/inspect.tsv")
    conda:
        "../../environment.yml"
    params:
        # Changes when the code of a network does; comments aside.
        networks=WORK.networks,
        flags=WORK.flags(),
    shell:
        "python -m cnnlab inspect {params.flags} 2>&1 | tee {log}"


rule compare:
    input:
        WORK.manifests,
        WORK.tables("exact"),
        WORK.sources("cnnlab.analysis.verdicts", "cnnlab.analysis.robustness", "cnnlab.analysis.tables.runs"),
        WORK.studies,
        WORK.claims,
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
        flags=WORK.flags("studies"),
    shell:
        "python -m cnnlab compare {params.flags} 2>&1 | tee {log}"


rule figures:
    input:
        WORK.tables(
            "runs", "arms", "curves", "profiles", "pictures", "confusion", "contrasts", "claims", "layers"
        ),
        WORK.tables("measured/cost"),
        WORK.sources("cnnlab.figures"),
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
        flags=WORK.flags("studies"),
    shell:
        "python -m cnnlab figures {params.flags} 2>&1 | tee {log}"


# The store itself is neither input nor output of a rule: a click in the MLflow UI must not run anything again.
rule track:
    input:
        WORK.manifests,
        WORK.sources("cnnlab.tracking"),
    output:
        WORK.tables("measured/mlflow"),
    log:
        WORK.path("logs/track.log"),
    benchmark:
        WORK.path("benchmarks/track.tsv")
    conda:
        "../../environment.yml"
    params:
        tags=WORK.membership,
        flags=WORK.flags("studies"),
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
        WORK.sources("cnnlab.report"),
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
        flags=WORK.flags("studies"),
    shell:
        "python -m cnnlab render {params.flags} 2>&1 | tee {log}"

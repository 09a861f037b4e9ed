# Records → verdicts and figures, study by study as soon as its arms are trained → tables over all → report; MLflow
# mirrors the records beside it.
# Files are compared by content, so a `touch` does nothing. Each rule names the code that it is made of: a statement that
# changes runs it again, a comment nothing. What it takes from the studies is a parameter too.


rule compare:
    input:
        lambda wildcards: WORK.manifests_of(wildcards.study),
        WORK.lock,
    output:
        WORK.compared_tables("{study}"),
    log:
        WORK.path("logs/compare/{study}.log"),
    priority: 30000
    conda:
        "../../environment.yml"
    params:
        code=WORK.code(
            "cnnlab.analysis.tables.contrasts", "cnnlab.analysis.robustness", "cnnlab.analysis.tables.io"
        ),
        study=lambda wildcards: WORK.compared(wildcards.study),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab compare {wildcards.study} {params.flags} 2>&1 | tee {log}"


for study in WORK.shown.studies:

    rule:
        name:
            f"figures_{study.name}"
        input:
            WORK.manifests_of(study.name),
            WORK.compared_tables(study.name),
            WORK.tables_beside(study.name),
            WORK.lock,
        output:
            [
                (
                    report(
                        path,
                        caption="../report/figure.rst",
                        category="Figures",
                        subcategory=study.title,
                        labels=WORK.labels(path),
                    )
                    if path.endswith(".svg")
                    else path
                )
                for path in WORK.figures_of(study.name)
            ],
        log:
            WORK.path(f"logs/figures/{study.name}.log"),
        priority: 20000
        conda:
            "../../environment.yml"
        params:
            code=WORK.figure_code(study.name),
            name=study.name,
            study=WORK.drawn(study.name),
            flags=WORK.flags(),
        shell:
            "python -m cnnlab figures {params.name} {params.flags} 2>&1 | tee {log}"


# Read off the networks, whatever studies are selected.
rule exact:
    input:
        WORK.lock,
    output:
        WORK.tables("layers", "exact", "evidence"),
    log:
        WORK.path("logs/exact.log"),
    priority: 20000
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


rule networks:
    input:
        WORK.tables("layers"),
        WORK.lock,
    output:
        report(
            WORK.network_figures,
            caption="../report/network.rst",
            category="Networks",
        ),
    log:
        WORK.path("logs/networks.log"),
    priority: 20000
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.figures.network_card", "cnnlab.analysis.network_stages"),
        networks=WORK.networks,
        flags=WORK.flags(),
    shell:
        "python -m cnnlab networks {params.flags} 2>&1 | tee {log}"


rule collect:
    input:
        WORK.manifests,
        WORK.lock,
    output:
        report(
            WORK.csv("runs", "arms"),
            caption="../report/table.rst",
            category="Tables",
        ),
        WORK.parquet("runs", "arms"),
        WORK.tables("curves", "profiles", "pictures", "classes", "confusion"),
        WORK.tables("measured/runs", "measured/claims"),
    log:
        WORK.path("logs/collect.log"),
    priority: 20000
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.analysis.tables.recorded"),
        studies=WORK.collected,
        flags=WORK.flags(),
    shell:
        "python -m cnnlab collect {params.flags} 2>&1 | tee {log}"


rule ledger:
    input:
        WORK.all_compared,
        WORK.tables("exact"),
        WORK.lock,
    output:
        report(
            WORK.csv("contrasts", "claims", "robustness", "measured/contrasts"),
            caption="../report/table.rst",
            category="Tables",
        ),
        WORK.parquet("contrasts", "claims", "robustness", "measured/contrasts"),
    log:
        WORK.path("logs/ledger.log"),
    priority: 30000
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.analysis.tables.contrasts", "cnnlab.analysis.tables.io"),
        claims=WORK.registered,
        flags=WORK.flags(),
    shell:
        "python -m cnnlab ledger {params.flags} 2>&1 | tee {log}"


# A few studies at a time, while others still train.
# The store itself is neither input nor output of a rule: a click in the MLflow UI must not run anything again.
rule track:
    input:
        lambda wildcards: WORK.part_manifests(int(wildcards.part)),
    output:
        WORK.part_tables("{part}"),
    log:
        WORK.path("logs/track/{part}.log"),
    priority: 10000
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.tracking"),
        tags=lambda wildcards: WORK.membership(int(wildcards.part)),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab track --part {wildcards.part} {params.flags} 2>&1 | tee {log}"


rule mirrored:
    input:
        WORK.parts,
    output:
        WORK.tables("measured/mlflow"),
    log:
        WORK.path("logs/mirrored.log"),
    priority: 30000
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.analysis.tables.io"),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab mirrored {params.flags} 2>&1 | tee {log}"


# The figures of studies, and what was found, beside their arms in MLflow.
rule attach:
    input:
        WORK.tables("measured/mlflow", "claims"),
        WORK.figures,
    output:
        WORK.path("attached.json"),
    log:
        WORK.path("logs/attach.log"),
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.tracking", "cnnlab.wording.terminal"),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab attach {params.flags} 2>&1 | tee {log}"


rule render:
    input:
        WORK.tables("runs", "arms", "curves", "profiles", "classes", "contrasts", "claims", "robustness"),
        WORK.tables("layers", "exact", "evidence"),
        WORK.tables("measured/runs", "measured/claims", "measured/contrasts"),
        WORK.tables("measured/mlflow"),
        WORK.measured,
        WORK.figures,
        WORK.network_figures,
        WORK.elsewhere,
        WORK.assets,
        WORK.studies,
        WORK.study_locks,
        WORK.claims,
        WORK.lock,
    output:
        report(
            WORK.report,
            caption="../report/page.rst",
            category="The page",
        ),
    log:
        WORK.path("logs/render.log"),
    priority: 40000
    conda:
        "../../environment.yml"
    params:
        code=WORK.code("cnnlab.report", "cnnlab.figures", "cnnlab.analysis.tables.tiers"),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab render {params.flags} 2>&1 | tee {log}"

# What a clock measures needs the machine to itself: these rules take every core.


rule cost:
    input:
        WORK.sources("cnnlab.cost"),
        WORK.lock,
    output:
        WORK.tables("measured/cost"),
    params:
        arms=WORK.arm_ids,
        flags=WORK.flags("studies"),
    threads: workflow.cores
    resources:
        gpu=WORK.gpu,
    log:
        WORK.path("logs/cost.log"),
    benchmark:
        WORK.path("benchmarks/cost.tsv")
    conda:
        "../../environment.yml"
    shell:
        "python -m cnnlab cost {params.flags} 2>&1 | tee {log}"


rule throughput:
    input:
        WORK.sources("cnnlab.train"),
        WORK.lock,
        "benchmarks/throughput.py",
    output:
        WORK.tables("measured/throughput"),
    params:
        flags=WORK.flags(),
    threads: workflow.cores
    log:
        WORK.path("logs/throughput.log"),
    benchmark:
        WORK.path("benchmarks/throughput.tsv")
    conda:
        "../../environment.yml"
    shell:
        "python benchmarks/throughput.py {params.flags} 2>&1 | tee {log}"

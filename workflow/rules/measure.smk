# What a clock measures needs the machine to itself: these rules take every core.
# Once: a call that compares no costs leaves what there is as it is.

if WORK.measures:

    rule cost:
        input:
            WORK.lock,
        output:
            WORK.tables("measured/cost"),
        log:
            WORK.path("logs/cost.log"),
        priority: 50000
        conda:
            "../../environment.yml"
        threads: workflow.cores
        resources:
            gpu=WORK.gpu,
        params:
            code=WORK.code("cnnlab.training.speed"),
            arms=WORK.costed,
            flags=WORK.cost_flags,
        shell:
            "python -m cnnlab cost {params.flags} 2>&1 | tee {log}"

    rule throughput:
        input:
            WORK.lock,
            scripts=WORK.throughput,
        output:
            WORK.tables("measured/throughput"),
        log:
            WORK.path("logs/throughput.log"),
        priority: 50000
        conda:
            "../../environment.yml"
        threads: workflow.cores
        params:
            # The loop and the network, comments aside.
            code=WORK.fingerprint("lenet"),
            flags=WORK.flags(),
        shell:
            "python {input.scripts[0]} {params.flags} 2>&1 | tee {log}"

# Data, once for all jobs; then one job per batch of arms: each arm is tuned, then all its seeds are trained.


rule prepare:
    output:
        images=WORK.path("data/{data}.safetensors"),
        card=WORK.path("data/{data}.json"),
    log:
        WORK.path("logs/prepare/{data}.log"),
    conda:
        "../../environment.yml"
    params:
        code=lambda wildcards: WORK.reader(wildcards.data),
        # Changes when the files of an image folder do.
        listing=lambda wildcards: WORK.listing(wildcards.data),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab prepare {wildcards.data} {params.flags} 2>&1 | tee {log}"


# A manifest stands for an arm's finished runs. These are not declared: Snakemake would delete them when a job fails.
for job in WORK.batches:

    rule:
        name:
            job.name
        input:
            # A card holds the checksum of its images, so these need no check of their own.
            cards=job.cards,
        output:
            job.manifests,
        log:
            job.log,
        priority: job.priority
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            gpu=WORK.gpu,
        params:
            flags=WORK.flags(),
        shell:
            "python -m cnnlab train {output} {params.flags} 2>&1 | tee {log}"

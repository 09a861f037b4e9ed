# Data, once for all jobs; then one job per arm: tune, then every seed.


rule prepare:
    output:
        images=WORK.path("data/{data}.safetensors"),
        card=WORK.path("data/{data}.json"),
    log:
        WORK.path("logs/prepare/{data}.log"),
    benchmark:
        WORK.path("benchmarks/prepare/{data}.tsv")
    conda:
        "../../environment.yml"
    params:
        code=lambda wildcards: WORK.reader(wildcards.data),
        # Changes when the files of an image folder do.
        listing=lambda wildcards: WORK.listing(wildcards.data),
        flags=WORK.flags(),
    shell:
        "python -m cnnlab prepare {wildcards.data} {params.flags} 2>&1 | tee {log}"


# The manifest stands for the arm's finished runs. These are not declared: Snakemake would delete them when a job fails.
rule train:
    input:
        # The card holds the checksum of the images, so these need no check of their own.
        card=lambda wildcards: WORK.card(wildcards.arm),
    output:
        WORK.path("manifests/{arm}/{seeds}.json"),
    log:
        WORK.path("logs/train/{arm}/{seeds}.log"),
    benchmark:
        WORK.path("benchmarks/train/{arm}/{seeds}.tsv")
    priority: lambda wildcards: WORK.priority(wildcards.arm)
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=WORK.gpu,
    params:
        flags=WORK.flags(),
    shell:
        "python -m cnnlab train {wildcards.arm} --seeds {wildcards.seeds} {params.flags} 2>&1 | tee {log}"

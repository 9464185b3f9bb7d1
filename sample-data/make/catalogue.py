"""What the sample company buys: services, products and their list prices in us-east-1, in US dollars.

Instance prices and sizes are those of the table that ships with karpenter-provider-aws (Apache-2.0, commit
1d92708, 2026-07-20); token prices those of LiteLLM's table (MIT, 1.109.1). The rest are AWS's published
on-demand list prices in round figures; they make the bill plausible and are no price list to rely on.
"""

from __future__ import annotations

from decimal import Decimal

from focus import JsonValue, Product, Service

EC2 = Service("Amazon Elastic Compute Cloud", "Compute", "Virtual Machines")
EBS = Service("Amazon Elastic Block Store", "Storage", "Block Storage")
S3 = Service("Amazon Simple Storage Service", "Storage", "Object Storage")
BEDROCK = Service("Amazon Bedrock", "AI and Machine Learning", "Generative AI")
ELB = Service("Elastic Load Balancing", "Networking", "Network Routing")
TRANSFER = Service("AWS Data Transfer", "Networking", "Content Delivery")
VPC = Service("Amazon Virtual Private Cloud", "Networking", "Network Infrastructure")
CLOUDWATCH = Service("AmazonCloudWatch", "Management and Governance", "Observability")
EKS = Service("Amazon Elastic Kubernetes Service", "Compute", "Containers")
DYNAMODB = Service("Amazon DynamoDB", "Databases", "NoSQL Databases")

# Type: $ per hour on demand, vCPU, memory in GiB, GPU's name, number of GPUs.
INSTANCES: dict[str, tuple[str, int, int, str | None, int]] = {
    "c7i.2xlarge": ("0.357", 8, 16, None, 0),
    "c7i.4xlarge": ("0.714", 16, 32, None, 0),
    "m7i.2xlarge": ("0.4032", 8, 32, None, 0),
    "g6.xlarge": ("0.8048", 4, 16, "L4", 1),
    "g6.2xlarge": ("0.9776", 8, 32, "L4", 1),
    "g5.12xlarge": ("5.672", 48, 192, "A10G", 4),
    "p4d.24xlarge": ("21.957642", 96, 1152, "A100", 8),
}


def instance(name: str, kind: str = "BoxUsage") -> Product:
    """An instance-hour. `kind` is the usage type's first part: `BoxUsage` on demand, `SpotUsage` on spot."""
    price, cores, memory, gpu, gpus = INSTANCES[name]
    details: dict[str, JsonValue] = {
        "InstanceType": name,
        "InstanceSeries": name.split(".")[0],
        "CoreCount": cores,
        "MemorySize": memory,
        "OperatingSystem": "Linux",
    }
    if gpu is not None:
        details["GpuCount"] = gpus
        details["x_GpuName"] = gpu
    return Product(EC2, f"{kind}:{name}", Decimal(price), "Hours", "Instance", details)


def tokens(model: str, meter_name: str, token_type: str, usd_per_million: str, *, batch: bool = False) -> Product:
    """1,000 tokens of a managed model; `usd_per_million` as the provider states it."""
    details: dict[str, JsonValue] = {
        "x_ModelId": model,
        "x_TokenType": token_type,
        "x_InferenceTier": "batch" if batch else "on-demand",
    }
    meter = f"USE1-{meter_name}-{token_type}{'-batch' if batch else ''}"
    price = Decimal(usd_per_million) / 1000
    return Product(BEDROCK, meter, price, "Tokens", "Foundation model", details, per=1000)


GP3 = Product(
    EBS, "EBS:VolumeUsage.gp3", Decimal("0.08"), "GB-Months", "Volume", {"DiskType": "SSD", "x_VolumeType": "gp3"}
)
SNAPSHOT = Product(EBS, "EBS:SnapshotUsage", Decimal("0.05"), "GB-Months", "Snapshot")
S3_STANDARD = Product(S3, "TimedStorage-ByteHrs", Decimal("0.023"), "GB-Months", "Bucket", {"StorageClass": "Standard"})
S3_ARCHIVE = Product(
    S3, "TimedStorage-GIR-ByteHrs", Decimal("0.004"), "GB-Months", "Bucket", {"StorageClass": "Glacier Instant"}
)
S3_PUT = Product(S3, "Requests-Tier1", Decimal("0.005"), "Requests", "Bucket", per=1000)
S3_GET = Product(S3, "Requests-Tier2", Decimal("0.0004"), "Requests", "Bucket", per=1000)
# The company negotiated a tenth off traffic to the internet: list and contracted price differ.
EGRESS = Product(
    TRANSFER, "DataTransfer-Out-Bytes", Decimal("0.09"), "GB", "Data transfer", contracted_price=Decimal("0.081")
)
CROSS_ZONE = Product(TRANSFER, "DataTransfer-Regional-Bytes", Decimal("0.01"), "GB", "Data transfer")
NAT_HOURS = Product(VPC, "NatGateway-Hours", Decimal("0.045"), "Hours", "NAT gateway")
NAT_BYTES = Product(VPC, "NatGateway-Bytes", Decimal("0.045"), "GB", "NAT gateway")
ALB_HOURS = Product(ELB, "LoadBalancerUsage", Decimal("0.0225"), "Hours", "Load balancer")
ALB_CAPACITY = Product(ELB, "LCUUsage", Decimal("0.008"), "LCU-Hours", "Load balancer")
METRICS = Product(CLOUDWATCH, "CW:MetricMonitorUsage", Decimal("0.30"), "Metrics", "Metric stream")
LOGS_IN = Product(CLOUDWATCH, "DataProcessing-Bytes", Decimal("0.50"), "GB", "Log group")
LOGS_KEPT = Product(CLOUDWATCH, "TimedStorage-ByteHrs", Decimal("0.03"), "GB-Months", "Log group")
CLUSTER = Product(EKS, "AmazonEKS-Hours:perCluster", Decimal("0.10"), "Hours", "Cluster")
TABLE_WRITES = Product(DYNAMODB, "WriteRequestUnits", Decimal("0.000625"), "Requests", "Table", per=1000)
TABLE_READS = Product(DYNAMODB, "ReadRequestUnits", Decimal("0.000125"), "Requests", "Table", per=1000)

NOVA_LITE_IN = tokens("amazon.nova-lite-v1:0", "NovaLite", "input-tokens", "0.06")
NOVA_LITE_CACHED = tokens("amazon.nova-lite-v1:0", "NovaLite", "cache-read-input-token-count", "0.015")
NOVA_LITE_OUT = tokens("amazon.nova-lite-v1:0", "NovaLite", "output-tokens", "0.24")
NOVA_PRO_IN = tokens("amazon.nova-pro-v1:0", "NovaPro", "input-tokens", "0.8")
NOVA_PRO_OUT = tokens("amazon.nova-pro-v1:0", "NovaPro", "output-tokens", "3.2")
NOVA_MICRO_IN = tokens("amazon.nova-micro-v1:0", "NovaMicro", "input-tokens", "0.0175", batch=True)
NOVA_MICRO_OUT = tokens("amazon.nova-micro-v1:0", "NovaMicro", "output-tokens", "0.07", batch=True)
TITAN_EMBED_IN = tokens("amazon.titan-embed-text-v2:0", "TitanEmbedV2-Text", "input-tokens", "0.02")

# One year, nothing upfront; about a third off the on-demand price.
RESERVED_HOUR = Decimal("0.26671")

"""Writes `sample-data/bill-focus-1.2.csv.gz`: three months of an invented company's cloud bill, FOCUS 1.2.

Northlight Forms reads handwritten forms. Its digit classifier runs on CPU instances sized for the worst burst
ever seen and is a quarter used on average; two GPU instances wait for overflow that never comes; a reservation
bought for the web backend is half idle at night. Around that: training on spot, a managed model API, storage,
traffic, monitoring, a forgotten load test, credits, a correction, a refund and tax. Every row is generated
here; all costs are exact decimals.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import catalogue as c
import focus
from focus import Account, Charge, Commitment, Product, Resource, Service, exact, rounded, usage, utc

SEED = 20261101
FIRST, LAST = utc(2026, 8, 1), utc(2026, 11, 1)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

PROD = Account("444455556666", "northlight-prod")
RESEARCH = Account("555566667777", "northlight-research")
SHARED = Account("777788889999", "northlight-shared")

# A customer uploads a year of forms in a day; the fleet grows on the Monday after and never shrinks again.
BURST_DAY, BURST = utc(2026, 8, 21), 1.7
FLEET_BEFORE, FLEET_AFTER, FLEET_GROWS = 6, 8, utc(2026, 8, 24)
SECOND_GPU = utc(2026, 9, 10)
LOAD_TEST = utc(2026, 9, 17), utc(2026, 9, 21)
BACKENDS, BACKENDS_AT_NIGHT = 4, 2
TAX_RATE = Decimal("0.08")
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


def chance(name: str) -> random.Random:
    """A generator of its own for each part, so that changing one part leaves the others' rows as they are."""
    return random.Random(f"{SEED}/{name}")


def days(start: datetime = FIRST, end: datetime = LAST) -> Iterator[datetime]:
    """Midnights in [start, end)."""
    while start < end:
        yield start
        start += DAY


def hours(start: datetime = FIRST, end: datetime = LAST) -> Iterator[datetime]:
    """Full hours in [start, end)."""
    while start < end:
        yield start
        start += HOUR


def office_hours(moment: datetime) -> bool:
    """Monday to Friday, 08:00 to 20:00 UTC."""
    return moment.weekday() < 5 and 8 <= moment.hour < 20


def activity(day: datetime) -> float:
    """How busy the product is on a day: slow growth, quiet week-ends, one burst. About 1 in mid-September."""
    growth = 1 + 0.0022 * (day - utc(2026, 9, 15)).days
    return growth * (1.0 if day.weekday() < 5 else 0.38) * (BURST if day == BURST_DAY else 1.0)


def ec2(name: str, account: Account, zone: int, **tags: str) -> Resource:
    """An instance with a stable id."""
    return Resource(
        f"arn:aws:ec2:us-east-1:{account.id}:instance/i-0{focus.stable_id(name, 16).lower()}",
        name,
        account,
        tags,
        ZONES[zone % len(ZONES)],
    )


def thing(kind: str, name: str, account: Account, **tags: str) -> Resource:
    """Anything that is not an instance. `kind` is the service's part of the identifier."""
    return Resource(f"arn:aws:{kind}:us-east-1:{account.id}:{name}", name, account, tags)


def daily(product: Product, resource: Resource, day: datetime, quantity: Decimal, what: str) -> Charge:
    """A day's use, described with the price as providers do."""
    price = product.contracted_price or product.list_price
    return usage(product, resource, quantity, day, day + DAY, f"${price:f} per {product.pricing_unit}: {what}")


def month_share(day: datetime, gigabytes: float) -> Decimal:
    """GB-months of keeping `gigabytes` for one day. Six places, so that costs stay within ten."""
    length = (focus.next_month(day) - focus.month_of(day)).days
    return rounded(gigabytes / length, 6)


def serving() -> Iterator[Charge]:
    """The digits service: CPU fleet on demand, GPU standby, their disks and the load balancer before them."""
    tags = {"team": "inference", "env": "prod", "app": "digits", "workload": "serving"}
    cpu, gpu = c.instance("c7i.2xlarge"), c.instance("g6.xlarge")
    for number in range(FLEET_AFTER):
        machine = ec2(f"digits-cpu-{number + 1:02}", PROD, number, **tags)
        disk = thing("ec2", f"volume/digits-cpu-{number + 1:02}", PROD, **tags)
        for day in days(FIRST if number < FLEET_BEFORE else FLEET_GROWS):
            yield daily(cpu, machine, day, Decimal(24), "c7i.2xlarge Linux on demand")
            yield daily(c.GP3, disk, day, month_share(day, 100), "gp3 volume of a digits server")
    for number in range(2):
        role = {**tags, "role": "burst-standby"}
        machine = ec2(f"digits-gpu-{number + 1:02}", PROD, number, **role)
        disk = thing("ec2", f"volume/digits-gpu-{number + 1:02}", PROD, **role)
        for day in days(FIRST if number == 0 else SECOND_GPU):
            yield daily(gpu, machine, day, Decimal(24), "g6.xlarge Linux on demand")
            yield daily(c.GP3, disk, day, month_share(day, 200), "gp3 volume of a GPU server")
    yield from balancer("digits", 62.0, tags)


def balancer(name: str, busy_units: float, tags: dict[str, str]) -> Iterator[Charge]:
    """A load balancer: 24 hours a day, and capacity units that follow the product's activity."""
    rng = chance(f"balancer {name}")
    resource = thing("elasticloadbalancing", f"loadbalancer/app/{name}", PROD, **tags)
    for day in days():
        units = rounded(24 * busy_units * activity(day) * rng.uniform(0.93, 1.07), 4)
        yield daily(c.ALB_HOURS, resource, day, Decimal(24), "application load balancer")
        yield daily(c.ALB_CAPACITY, resource, day, units, "load balancer capacity units")


def backend() -> Iterator[Charge]:
    """The web backend on a one-year reservation of four instances; two of them are switched off out of hours.

    Reserved hours come by the hour because that is how a reservation is used up or lost.
    """
    tags = {"team": "web", "env": "prod", "app": "forms-web", "workload": "backend"}
    commitment = Commitment(
        f"arn:aws:ec2:us-east-1:{SHARED.id}:reserved-instances/{focus.stable_id('reservation', 12).lower()}",
        "m7i.2xlarge reserved, 1 year, no upfront",
        "Reserved Instance",
        c.RESERVED_HOUR,
        c.instance("m7i.2xlarge"),
    )
    contract = Resource(commitment.id, "forms-web-reservation", SHARED, {"team": "web", "app": "forms-web"})
    fee = Product(
        c.EC2,
        "HeavyUsage:m7i.2xlarge",
        c.RESERVED_HOUR,
        "Hours",
        "Reserved instances",
        {"InstanceType": "m7i.2xlarge", "x_PurchaseTerm": "1yr", "x_PaymentOption": "NoUpfront"},
    )
    month = FIRST
    while month < LAST:
        end = focus.next_month(month)
        promised = Decimal(BACKENDS * round((end - month) / HOUR))
        yield focus.commitment_fee(commitment, contract, fee, promised, month, end)
        month = end
    machines = [ec2(f"forms-web-{number + 1:02}", PROD, number, **tags) for number in range(BACKENDS)]
    for hour in hours():
        running = BACKENDS if office_hours(hour) else BACKENDS_AT_NIGHT
        for machine in machines[:running]:
            yield focus.committed_hours(commitment, machine, Decimal(1), hour, hour + HOUR, used=True)
        if idle := BACKENDS - running:
            yield focus.committed_hours(commitment, contract, Decimal(idle), hour, hour + HOUR, used=False)
    for machine in machines:
        disk = thing("ec2", f"volume/{machine.name}", PROD, **tags)
        for day in days():
            yield daily(c.GP3, disk, day, month_share(day, 80), "gp3 volume of a web server")
    yield from balancer("forms-web", 2.2, tags)


def training() -> Iterator[Charge]:
    """Spot jobs twice a week, two long runs on demand, and notebooks that live for a working day."""
    rng = chance("training")
    tags = {"team": "research", "env": "dev", "app": "digits", "workload": "training"}
    spot, notebook = c.instance("g5.12xlarge", "SpotUsage"), c.instance("g6.2xlarge")
    for day in days():
        if day.weekday() in (1, 4):
            job = ec2(f"train-{day:%Y%m%d}", RESEARCH, rng.randrange(3), **tags, job=f"digits-{day:%m%d}")
            begin = day + HOUR * rng.randrange(14, 20)
            share = rng.uniform(0.36, 0.48)
            for hour in hours(begin, begin + HOUR * rng.randrange(6, 12)):
                share = min(0.62, max(0.30, share + rng.uniform(-0.02, 0.02)))
                price = rounded(spot.list_price * rounded(share, 4), 4)
                text = f"${price:f} per Hours: g5.12xlarge Linux spot"
                if hour < LAST:
                    yield usage(spot, job, Decimal(1), hour, hour + HOUR, text, spot_price=price)
        if day.weekday() < 5:
            mine = {**tags, "workload": "notebook"}
            machine = ec2("research-notebook", RESEARCH, 0, **mine)
            yield daily(notebook, machine, day, Decimal(rng.randrange(7, 11)), "g6.2xlarge Linux on demand")
    big = c.instance("p4d.24xlarge")
    for begin, length in ((utc(2026, 8, 12, 16), 28), (utc(2026, 10, 6, 9), 34)):
        job = ec2(f"finetune-{begin:%Y%m%d}", RESEARCH, 1, **tags, job=f"layout-{begin:%m%d}")
        for hour in hours(begin, begin + HOUR * length):
            text = f"${big.list_price:f} per Hours: p4d.24xlarge Linux on demand"
            yield usage(big, job, Decimal(1), hour, hour + HOUR, text)


def load_test() -> Iterator[Charge]:
    """Four instances without tags that somebody forgot over a week-end: what an anomaly looks like."""
    product = c.instance("c7i.4xlarge")
    for number in range(4):
        machine = ec2(f"loadtest-{number + 1}", PROD, number)
        for day in days(*LOAD_TEST):
            yield daily(product, machine, day, Decimal(24), "c7i.4xlarge Linux on demand")


def model_api() -> Iterator[Charge]:
    """A managed model API, paid by the token: extraction in production, nightly summaries, trials in research."""
    rng = chance("model api")
    extract = {"team": "inference", "env": "prod", "app": "forms-extract", "workload": "serving"}
    digest = {"team": "web", "env": "prod", "app": "daily-digest", "workload": "serving"}
    search = {"team": "web", "env": "prod", "app": "forms-search", "workload": "serving"}
    trial = {"team": "research", "env": "dev", "app": "forms-extract", "workload": "evaluation"}
    # Product, who uses it, thousands of tokens on a busy day.
    streams: list[tuple[Product, Account, dict[str, str], float]] = [
        (c.NOVA_LITE_IN, PROD, extract, 410_000),
        (c.NOVA_LITE_CACHED, PROD, extract, 265_000),
        (c.NOVA_LITE_OUT, PROD, extract, 61_000),
        (c.NOVA_MICRO_IN, PROD, digest, 38_000),
        (c.NOVA_MICRO_OUT, PROD, digest, 4_200),
        (c.TITAN_EMBED_IN, PROD, search, 120_000),
        (c.NOVA_PRO_IN, RESEARCH, trial, 5_200),
        (c.NOVA_PRO_OUT, RESEARCH, trial, 1_100),
    ]
    for product, account, tags, busy in streams:
        model = str(product.details["x_ModelId"])
        resource = thing("bedrock", f"foundation-model/{model}", account, **tags)
        for day in days():
            if account is RESEARCH and day.weekday() > 4:
                continue
            thousands = rounded(busy * activity(day) * rng.lognormvariate(0, 0.08), 3)
            yield daily(product, resource, day, thousands, f"{model} {product.details['x_TokenType']}")


def storage() -> Iterator[Charge]:
    """Scanned forms that only grow, training data, model files, and backups of the disks."""
    rng = chance("storage")
    # Bucket, account, tags, GB on the first day, GB more a day, thousands of writes and reads on a busy day.
    forms = {"team": "web", "env": "prod", "app": "forms-web"}
    data = {"team": "research", "env": "dev", "app": "digits", "workload": "training"}
    models = {"team": "inference", "env": "prod", "app": "digits", "workload": "serving"}
    buckets = (
        ("northlight-forms", PROD, forms, c.S3_STANDARD, 5_400, 31.0, 640.0, 1_900.0),
        ("northlight-forms-archive", PROD, forms, c.S3_ARCHIVE, 38_000, 26.0, 55.0, 12.0),
        ("northlight-training-data", RESEARCH, data, c.S3_STANDARD, 2_150, 4.0, 12.0, 380.0),
        ("northlight-models", PROD, models, c.S3_STANDARD, 46, 0.3, 0.4, 9.0),
    )
    for name, account, tags, product, first, growth, writes, reads in buckets:
        bucket = Resource(f"arn:aws:s3:::{name}", name, account, tags)
        for day in days():
            kept = first + growth * (day - FIRST).days
            busy = activity(day) * rng.uniform(0.9, 1.1)
            yield daily(product, bucket, day, month_share(day, kept), "objects kept")
            yield daily(c.S3_PUT, bucket, day, rounded(writes * busy, 3), "PUT, COPY, POST and LIST requests")
            yield daily(c.S3_GET, bucket, day, rounded(reads * busy, 3), "GET and other requests")
    backups = thing("ec2", "snapshot/nightly", SHARED, team="platform", env="prod", app="backup")
    for day in days():
        yield daily(c.SNAPSHOT, backups, day, month_share(day, 620 + 1.4 * (day - FIRST).days), "disk snapshots")


def network() -> Iterator[Charge]:
    """Answers to the internet, traffic between zones, and the gateways of two accounts."""
    rng = chance("network")
    web = {"team": "web", "env": "prod", "app": "forms-web"}
    digits = {"team": "inference", "env": "prod", "app": "digits", "workload": "serving"}
    flows = (
        (c.EGRESS, thing("ec2", "traffic/forms-web", PROD, **web), 128.0, "sent to the internet"),
        (c.EGRESS, thing("ec2", "traffic/digits", PROD, **digits), 212.0, "sent to the internet"),
        (c.CROSS_ZONE, thing("ec2", "cross-zone/digits", PROD, **digits), 930.0, "between zones"),
    )
    for product, resource, busy, what in flows:
        for day in days():
            gigabytes = rounded(busy * activity(day) * rng.lognormvariate(0, 0.06), 6)
            yield daily(product, resource, day, gigabytes, what)
    for account, busy in ((PROD, 46.0), (RESEARCH, 21.0)):
        gateway = thing("ec2", f"natgateway/{account.name}", account, team="platform", env="prod", app="network")
        for day in days():
            gigabytes = rounded(busy * activity(day) * rng.uniform(0.85, 1.15), 6)
            yield daily(c.NAT_HOURS, gateway, day, Decimal(24), "NAT gateway")
            yield daily(c.NAT_BYTES, gateway, day, gigabytes, "through the NAT gateway")


def platform() -> Iterator[Charge]:
    """Clusters, monitoring and the table of results."""
    rng = chance("platform")
    for account, env in ((PROD, "prod"), (RESEARCH, "dev")):
        tags = {"team": "platform", "env": env, "app": "kubernetes"}
        cluster = thing("eks", f"cluster/{account.name}", account, **tags)
        for day in days():
            yield daily(c.CLUSTER, cluster, day, Decimal(24), "cluster control plane")
    # Account, metrics, GB of logs on a busy day, GB kept.
    for account, metrics, incoming, kept in ((PROD, 410, 11.5, 330), (RESEARCH, 60, 1.2, 40), (SHARED, 35, 0.6, 25)):
        tags = {"team": "platform", "env": "dev" if account is RESEARCH else "prod", "app": "monitoring"}
        stream = thing("cloudwatch", f"metrics/{account.name}", account, **tags)
        group = thing("logs", f"log-group/{account.name}", account, **tags)
        for day in days():
            busy = activity(day) * rng.uniform(0.9, 1.1)
            length = (focus.next_month(day) - focus.month_of(day)).days
            yield daily(c.METRICS, stream, day, rounded(metrics / length, 6), "custom metrics")
            yield daily(c.LOGS_IN, group, day, rounded(incoming * busy, 6), "logs taken in")
            yield daily(c.LOGS_KEPT, group, day, month_share(day, kept + 0.5 * (day - FIRST).days), "logs kept")
    table = thing("dynamodb", "table/recognised-fields", PROD, team="web", env="prod", app="forms-web")
    for day in days():
        busy = activity(day) * rng.uniform(0.92, 1.08)
        yield daily(c.TABLE_WRITES, table, day, rounded(2_300 * busy, 3), "writes to the table of results")
        yield daily(c.TABLE_READS, table, day, rounded(6_100 * busy, 3), "reads from the table of results")


def credits() -> Iterator[Charge]:
    """A start-up programme's promotional credit that runs out in October."""
    given: tuple[tuple[datetime, Service, str], ...] = (
        (utc(2026, 8, 1), c.EC2, "-450"),
        (utc(2026, 8, 1), c.BEDROCK, "-150"),
        (utc(2026, 9, 1), c.EC2, "-450"),
        (utc(2026, 9, 1), c.BEDROCK, "-150"),
        (utc(2026, 10, 1), c.EC2, "-212.4"),
    )
    for month, service, amount in given:
        # A credit belongs to no other charge, so all four costs are the billed one.
        value = Decimal(amount)
        yield Charge(
            start=month,
            end=focus.next_month(month),
            category="Credit",
            description=f"Start-up programme credit for {service.name}",
            service=service,
            account=PROD,
            billed=value,
            effective=value,
            listed=value,
            contracted=value,
            frequency="One-Time",
        )


def corrections(charges: list[Charge]) -> Iterator[Charge]:
    """The burst's traffic was metered too high, put right in September; October pays half the load test back."""
    wrong = next(
        charge
        for charge in charges
        if charge.product is c.EGRESS
        and charge.resource is not None
        and charge.resource.name == "traffic/digits"
        and charge.start == BURST_DAY
    )
    assert wrong.quantity is not None and wrong.resource is not None
    correction = usage(
        c.EGRESS,
        wrong.resource,
        -rounded(wrong.quantity / 4, 6),
        wrong.start,
        wrong.end,
        "Correction: a quarter of the traffic metered on 21 August was never sent",
    )
    correction.correction, correction.invoiced = True, utc(2026, 9, 1)
    yield correction

    forgotten = [
        charge for charge in charges if charge.resource is not None and charge.resource.name.startswith("loadtest-")
    ]
    value = -exact(sum((charge.billed for charge in forgotten), Decimal(0)) / 2)
    yield Charge(
        start=LOAD_TEST[0],
        end=LOAD_TEST[1],
        category="Usage",
        description="Refund: half of the forgotten load test's instances, as a goodwill",
        service=c.EC2,
        account=PROD,
        billed=value,
        effective=value,
        listed=value,
        contracted=value,
        correction=True,
        invoiced=utc(2026, 10, 1),
        frequency="One-Time",
    )


def taxes(charges: list[Charge]) -> Iterator[Charge]:
    """Sales tax for each month, account and service: a charge on other charges, so on each of their four costs."""
    groups: dict[tuple[datetime, str, str], list[Charge]] = defaultdict(list)
    for charge in charges:
        month = focus.month_of(charge.invoiced or charge.start)
        groups[month, charge.account.id, charge.service.name].append(charge)
    for (month, _, service), members in sorted(groups.items()):

        def tax(cost: str, members: list[Charge] = members) -> Decimal:
            total = sum((getattr(member, cost) for member in members), Decimal(0))
            return rounded(total * TAX_RATE, 10)

        if tax("billed") <= 0 and tax("effective") <= 0:
            continue
        yield Charge(
            start=month,
            end=focus.next_month(month),
            category="Tax",
            description=f"Sales tax of {TAX_RATE * 100:f} % on {service}",
            service=members[0].service,
            account=members[0].account,
            billed=tax("billed"),
            effective=tax("effective"),
            listed=tax("listed"),
            contracted=tax("contracted"),
            frequency="One-Time",
        )


def charges() -> list[Charge]:
    """The whole bill in order of time; the sort is stable, so rows of one moment keep the order above."""
    metered = [
        charge
        for part in (serving, backend, training, load_test, model_api, storage, network, platform, credits)
        for charge in part()
    ]
    corrected = metered + list(corrections(metered))
    everything = corrected + list(taxes(corrected))
    return sorted(everything, key=lambda charge: (focus.month_of(charge.invoiced or charge.start), charge.start))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    rows = charges()
    focus.write(rows, out / "bill-focus-1.2.csv.gz")
    print(f"{len(rows)} rows, {sum((row.billed for row in rows), Decimal(0)):f} {focus.CURRENCY} billed")


if __name__ == "__main__":
    main()

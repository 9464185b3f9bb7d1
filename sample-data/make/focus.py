"""FOCUS 1.2 cost-and-usage rows: the 57 columns, what a priced product is, and how a charge becomes a row.

The rules kept here are the specification's (https://focus.finops.org, version 1.2): a unit price times the
pricing quantity is the cost to the last digit; usage covered by a commitment bills 0 and amortises the
commitment's fee; the fee itself bills and has no effective cost; an empty cell is a null, never a zero.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

COLUMNS = (
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
)

PROVIDER = "Amazon Web Services"
CURRENCY = "USD"
PAYER_ID, PAYER_NAME = "111122223333", "Northlight Forms"
TENTH_PLACE = Decimal(1).scaleb(-10)

JsonValue = str | int | float | bool | None


@dataclass(frozen=True)
class Service:
    """A provider's offering with its place in the FOCUS classification."""

    name: str
    category: str
    subcategory: str


@dataclass(frozen=True)
class Product:
    """Something with a list price for `per` units. `meter` is the provider's usage type."""

    service: Service
    meter: str
    list_price: Decimal
    unit: str
    resource_type: str
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    contracted_price: Decimal | None = None
    per: int = 1

    @property
    def pricing_unit(self) -> str:
        """What the price is for, in FOCUS's unit format: `Hours`, `1000 Tokens`."""
        return self.unit if self.per == 1 else f"{self.per} {self.unit}"

    @property
    def sku_id(self) -> str:
        """Stable over months, accounts and purchase options, as FOCUS asks."""
        return stable_id(f"{self.service.name}/{self.resource_type}/{self.meter.split(':')[-1]}", 16)

    def price_id(self, option: str) -> str:
        """One id for each purchase option of the SKU, in the shape `SKU.OPTION`."""
        return f"{self.sku_id}.{stable_id(f'{self.meter}/{option}', 10)}"


@dataclass(frozen=True)
class Account:
    """A sub account of the payer."""

    id: str
    name: str


@dataclass(frozen=True)
class Resource:
    """What is charged for. `tags` are the user's own."""

    id: str
    name: str
    account: Account
    tags: Mapping[str, str]
    zone: str | None = None


@dataclass(frozen=True)
class Commitment:
    """A promise to pay for hours of one instance type, used or not."""

    id: str
    name: str
    type: str
    hourly_price: Decimal
    product: Product


@dataclass
class Charge:
    """One row before it is written. Costs are exact decimals of the billing currency."""

    start: datetime
    end: datetime
    category: str
    description: str
    service: Service
    account: Account
    billed: Decimal
    effective: Decimal
    listed: Decimal
    contracted: Decimal
    frequency: str = "Usage-Based"
    correction: bool = False
    # The month that is invoiced; a correction is invoiced later than the usage it corrects.
    invoiced: datetime | None = None
    product: Product | None = None
    resource: Resource | None = None
    pricing_category: str | None = None
    price_option: str = "on-demand"
    quantity: Decimal | None = None
    list_price: Decimal | None = None
    contracted_price: Decimal | None = None
    consumed: bool = False
    commitment: Commitment | None = None
    commitment_status: str | None = None

    def row(self) -> dict[str, str]:
        """The 57 cells."""
        month = month_of(self.invoiced or self.start)
        product, resource, commitment = self.product, self.resource, self.commitment
        cells: dict[str, str | Decimal | None] = {
            "BilledCost": self.billed,
            "BillingAccountId": PAYER_ID,
            "BillingAccountName": PAYER_NAME,
            "BillingAccountType": "Management account",
            "BillingCurrency": CURRENCY,
            "BillingPeriodStart": stamp(month),
            "BillingPeriodEnd": stamp(next_month(month)),
            "ChargeCategory": self.category,
            "ChargeClass": "Correction" if self.correction else None,
            "ChargeDescription": self.description,
            "ChargeFrequency": self.frequency,
            "ChargePeriodStart": stamp(self.start),
            "ChargePeriodEnd": stamp(self.end),
            "ContractedCost": self.contracted,
            "ContractedUnitPrice": self.contracted_price,
            "EffectiveCost": self.effective,
            "InvoiceId": f"NLF-{month:%Y%m}-{PAYER_ID[-4:]}",
            "InvoiceIssuerName": PROVIDER,
            "ListCost": self.listed,
            "ListUnitPrice": self.list_price,
            "PricingCategory": self.pricing_category,
            "PricingCurrency": CURRENCY,
            "PricingCurrencyContractedUnitPrice": self.contracted_price,
            "PricingCurrencyEffectiveCost": self.effective,
            "PricingCurrencyListUnitPrice": self.list_price,
            "PricingQuantity": self.quantity,
            "ProviderName": PROVIDER,
            "PublisherName": PROVIDER,
            "RegionId": "us-east-1",
            "RegionName": "US East (N. Virginia)",
            "ServiceCategory": self.service.category,
            "ServiceName": self.service.name,
            "ServiceSubcategory": self.service.subcategory,
            "SubAccountId": self.account.id,
            "SubAccountName": self.account.name,
            "SubAccountType": "Member account",
        }
        if product is not None:
            cells["PricingUnit"] = product.pricing_unit if self.quantity is not None else None
            cells["SkuId"] = product.sku_id
            cells["SkuMeter"] = product.meter
            cells["SkuPriceId"] = product.price_id(self.price_option)
            cells["SkuPriceDetails"] = json_object(product.details) if product.details else None
        if self.consumed and product is not None and self.quantity is not None:
            cells["ConsumedQuantity"] = self.quantity * product.per
            cells["ConsumedUnit"] = product.unit
        if resource is not None:
            cells["ResourceId"] = resource.id
            cells["ResourceName"] = resource.name
            cells["ResourceType"] = product.resource_type if product is not None else "Resource"
            cells["AvailabilityZone"] = resource.zone
            cells["Tags"] = json_object(resource.tags) if resource.tags else None
        if commitment is not None:
            cells["CommitmentDiscountCategory"] = "Usage"
            cells["CommitmentDiscountId"] = commitment.id
            cells["CommitmentDiscountName"] = commitment.name
            cells["CommitmentDiscountType"] = commitment.type
            cells["CommitmentDiscountStatus"] = self.commitment_status
            cells["CommitmentDiscountQuantity"] = self.quantity
            cells["CommitmentDiscountUnit"] = "Hours"
        return {column: text(cells.get(column)) for column in COLUMNS}


def usage(
    product: Product,
    resource: Resource,
    quantity: Decimal,
    start: datetime,
    end: datetime,
    description: str,
    *,
    spot_price: Decimal | None = None,
) -> Charge:
    """Metered use at the contracted price, or at a spot price of the moment."""
    contracted = spot_price or product.contracted_price or product.list_price
    cost = exact(contracted * quantity)
    return Charge(
        start=start,
        end=end,
        category="Usage",
        description=description,
        service=product.service,
        account=resource.account,
        billed=cost,
        effective=cost,
        listed=exact(product.list_price * quantity),
        contracted=cost,
        product=product,
        resource=resource,
        pricing_category="Dynamic" if spot_price is not None else "Standard",
        price_option="spot" if spot_price is not None else "on-demand",
        quantity=quantity,
        list_price=product.list_price,
        contracted_price=contracted,
        consumed=True,
    )


def committed_hours(
    commitment: Commitment, resource: Resource, hours: Decimal, start: datetime, end: datetime, *, used: bool
) -> Charge:
    """Hours of a commitment, used by an instance or not used at all. Billed 0: the monthly fee pays for them."""
    product = commitment.product
    price = product.contracted_price or product.list_price
    state = "Used" if used else "Unused"
    return Charge(
        start=start,
        end=end,
        category="Usage",
        description=f"{commitment.name}: {state.lower()} hours at ${commitment.hourly_price} amortised",
        service=product.service,
        account=resource.account,
        billed=Decimal(0),
        effective=exact(commitment.hourly_price * hours),
        listed=exact(product.list_price * hours),
        contracted=exact(price * hours),
        product=product,
        resource=resource,
        pricing_category="Committed",
        price_option="reserved-1yr-no-upfront",
        quantity=hours,
        list_price=product.list_price,
        contracted_price=price,
        consumed=used,
        commitment=commitment,
        commitment_status=state,
    )


def commitment_fee(
    commitment: Commitment, resource: Resource, product: Product, hours: Decimal, start: datetime, end: datetime
) -> Charge:
    """The month's instalment: what is billed for the commitment, with no effective cost of its own."""
    cost = exact(commitment.hourly_price * hours)
    return Charge(
        start=start,
        end=end,
        category="Purchase",
        description=f"{commitment.name}: monthly instalment, {hours} hours at ${commitment.hourly_price}",
        service=product.service,
        account=resource.account,
        billed=cost,
        effective=Decimal(0),
        listed=cost,
        contracted=cost,
        frequency="Recurring",
        product=product,
        resource=resource,
        pricing_category="Standard",
        price_option="reserved-1yr-no-upfront",
        quantity=hours,
        list_price=commitment.hourly_price,
        contracted_price=commitment.hourly_price,
        commitment=commitment,
    )


def exact(cost: Decimal) -> Decimal:
    """The cost itself; an error when it would not fit ten decimal places, the precision bills are kept in."""
    if cost != cost.quantize(TENTH_PLACE):
        raise ValueError(f"{cost} has more than ten decimal places: round the quantity or the price first")
    return cost


def rounded(value: Decimal | float, places: int) -> Decimal:
    """Half up, without trailing zeros kept by accident."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def stable_id(text_to_hash: str, length: int) -> str:
    """An opaque id that is the same in every run."""
    return hashlib.sha256(text_to_hash.encode()).hexdigest()[:length].upper()


def month_of(moment: datetime) -> datetime:
    """Midnight of the first day of the month."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """The first day of the month after."""
    return month_of(month + timedelta(days=32))


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    """A moment in UTC."""
    return datetime(year, month, day, hour, tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """FOCUS date-time format."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def text(value: str | Decimal | None) -> str:
    """A cell: numbers in plain notation without trailing zeros, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return "0" if plain in ("-0", "") else plain
    return value


def json_object(values: Mapping[str, JsonValue]) -> str:
    """A FOCUS key-value cell."""
    return json.dumps(dict(values), separators=(",", ":"))


def write(charges: Iterable[Charge], path: Path) -> None:
    """CSV in gzip, without a time stamp or file name inside, so that the same rows give the same bytes."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for charge in charges:
        writer.writerow(charge.row())
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(buffer.getvalue().encode())

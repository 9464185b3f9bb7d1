"""Asks the same questions of a Parquet file and of a warehouse's table that has the same rows; they must agree to the last
digit.

usage: python3 compare.py INFEROMETER FILE.parquet OPTION…

The options are those that `inferometer bill` reaches the table with. Prints the totals and how many questions agreed.
"""

import json
import subprocess
import sys

MAY = ["--where", "ChargePeriodStart=2026-05"]
QUESTIONS = [
    [],
    ["--by", "ServiceName"],
    ["--by", "ServiceCategory,RegionId,x_Team"],
    ["--by", "Tags.team"],
    ["--by", "Tags.size", "--where", "ServiceCategory=Compute"],
    ["--where", "ServiceName="],
    ["--by", "ResourceId", *MAY],
    ["--by", "ChargeCategory", "--where", "Tags.team=search", "--where", "ChargePeriodStart=2026-05-03"],
    ["--by", "x_InferenceRule"],
    ["--by", "x_InferenceRule,Tags.team", "--inference", *MAY],
    ["--where", "ServiceName~SÖHNE", "--per", "day"],
    ["--where", "-ServiceName~amazon", "--where", "-RegionId="],
    ["--where", "*~G5.XLARGE"],
    ["--where", "*~'"],
    ["--where", "ServiceName~%"],
    ["--where", "BilledCost=..0"],
    ["--where", "-BilledCost=1.."],
    ["--where", "EffectiveCost=-0.000000002..7.5"],
    ["--where", "EffectiveCost="],
    ["--where", "-ChargePeriodStart=2026-05-03..2026-05-05", "--per", "hour"],
    ["--where", "ChargePeriodEnd="],
    ["--where", "ChargePeriodEnd=2026-05-09T10:00:00Z"],
    ["--where", "BillingPeriodStart=2026-05"],
    ["--where", "-Tags.team=search"],
    ["--where", "Tags.team~ZÜ"],
    ["--where", "-x_InferenceRule=managed-endpoint", "--by", "SkuMeter"],
    ["--by", "ServiceName", "--compare", "2026-05-01..2026-05-04", "--from", "2026-05-05", "--to", "2026-05-08"],
]


def ask(program, options, question):
    command = [program, "bill", "--json", *options, *question]
    output = subprocess.run(command, capture_output=True, text=True)
    if output.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{output.stderr}")
    answer = json.loads(output.stdout)
    # Where the rows are is told, too.
    del answer["warnings"], answer["bills"]
    return answer


def main():
    program, file, *table = sys.argv[1:]
    for question in QUESTIONS:
        here, there = ask(program, [file], question), ask(program, table, question)
        if here != there:
            for key in here:
                if here[key] != there[key]:
                    print(f"{key} here:\n{json.dumps(here[key])}\nthere:\n{json.dumps(there[key])}")
            sys.exit(f"the answers to {question} differ")
        if not question:
            print(json.dumps({"rows": there["rows"], "total": there["total"]}))
        print(f"equal: {' '.join(question) or 'totals, inference by rule'} ({len(there['groups'])} groups)")
    print(f"{len(QUESTIONS)} questions, every answer equal to the last digit")


main()

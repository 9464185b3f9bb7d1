"""Asks the same questions of a Parquet file and of a warehouse's table that has the same rows; they must agree to the last
digit.

usage: python3 compare.py INFEROMETER FILE.parquet OPTION…

The options are those that `inferometer bill` reaches the table with. Prints the totals and how many questions agreed.
"""

import json
import subprocess
import sys

QUESTIONS = [
    [],
    ["--by", "ServiceName"],
    ["--by", "ServiceCategory,RegionId,x_Team"],
    ["--by", "Tags.team"],
    ["--by", "Tags.size", "--where", "ServiceCategory=Compute"],
    ["--where", "ServiceName="],
    ["--by", "ResourceId", "--where", "ChargePeriodStart=2026-05"],
    ["--by", "ChargeCategory", "--where", "Tags.team=search", "--where", "ChargePeriodStart=2026-05-03"],
    ["--by", "x_InferenceRule"],
]


def ask(program, options, question):
    command = [program, "bill", "--json", *options, *question]
    output = subprocess.run(command, capture_output=True, text=True)
    if output.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{output.stderr}")
    answer = json.loads(output.stdout)
    del answer["warnings"]
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

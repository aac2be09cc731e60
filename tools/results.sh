#!/bin/sh
# Makes docs/concepts/results.md and its pictures anew: every estimator and baseline on four published tables, five folds
# over all rows. Build first: cargo build --release. Then: tools/results.sh FOLDER_WITH_THE_TABLES [MORE ARGUMENTS]
set -eu
data=${1:?name the folder that holds zeroeval, bfcl_2024_08, routerbench_part and routellm_evals}
shift
here=$(cd "$(dirname "$0")/.." && pwd)
exec "$here/target/release/pointsman" eval \
    --data "$data/zeroeval" "$data/bfcl_2024_08" "$data/routerbench_part" "$data/routellm_evals" \
    --models zeroeval=claude-3-5-sonnet-20241022,gpt-4o-2024-08-06,gpt-4o-mini-2024-07-18,gemini-1.5-flash,deepseek-v2.5-0908,Meta-Llama-3.1-8B-Instruct,Mistral-Large-2,claude-3-haiku-20240307 \
    --models bfcl_2024_08=claude-3-5-sonnet-20240620,gpt-4-0125-preview,gpt-4o-2024-08-06-FC,meetkai_functionary-medium-v3.1-FC,gemini-1.5-pro-preview-0514,claude-3-haiku-20240307,gpt-4o-mini-2024-07-18,gemini-1.5-flash-preview-0514 \
    --cv 5 --versus knn --control --stability --attack --report "$here/docs/concepts/results.md" "$@"

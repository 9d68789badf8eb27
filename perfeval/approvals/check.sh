#!/bin/sh
# 核验审批记录：不需要本程序，只用 sha256sum、openssl 和常见的命令。在归档包的文件夹中执行：sh check.sh
# 核验两条记录链的每一条、每个设备签名，以及签名用的公钥是否经第二人确认。
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")" || exit 2
records=data/records
wrong=0
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

fail() {
    printf '不符：%s\n' "$*"
    wrong=1
}

# 链：每一条写着自己的序号和上一条的 SHA-256。
check_chain() {
    head=0000000000000000000000000000000000000000000000000000000000000000
    number=0
    : >"$work/heads"
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        case $line in
        *"\"number\":$number,\"previous\":\"$head\","*) ;;
        *) fail "$2第${number}条与上一条不衔接" ;;
        esac
        head=$(printf '%s' "$line" | sha256sum | cut -c1-64)
        echo "$head" >>"$work/heads"
    done <"$1"
    echo "$2共${number}条，链头 $head，请与审批表和通知上的对照"
}

# WebAuthn：签名针对 authenticator_data 和 client_data 的 SHA-256，client_data 里有决定书的 SHA-256。
base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

signature_is_right() {
    { cat "$1/authenticator_data" && openssl dgst -sha256 -binary "$1/client_data.json"; } >"$work/signed" || return 1
    if openssl pkey -pubin -in "$1/key.pem" -noout -text | grep -qi '^ED25519'; then
        openssl pkeyutl -verify -pubin -inkey "$1/key.pem" -rawin -in "$work/signed" -sigfile "$1/signature" >/dev/null 2>&1
    else
        openssl dgst -sha256 -verify "$1/key.pem" -signature "$1/signature" "$work/signed" >/dev/null 2>&1
    fi
}

check_proof() {
    name=$(basename "$1")
    content=$1/statement.json
    # 几项一并同意的，签的是清单：每份决定书的 SHA-256 一行。
    if [ -e "$1/batch.txt" ]; then
        content=$1/batch.txt
        head -n 1 "$content" | grep -qxF 'perfeval batch 1' || fail "$name 一并同意的清单不对"
        grep -qxF "$(sha256sum <"$1/statement.json" | cut -c1-64)" "$content" || fail "$name 不在一并同意的清单里"
    fi
    challenge=$(openssl dgst -sha256 -binary "$content" | base64url)
    grep -q '^{"type":"webauthn.get",' "$1/client_data.json" || fail "$name 浏览器数据不是签名用的"
    grep -qF "\"challenge\":\"$challenge\"" "$1/client_data.json" || fail "$name 签的不是这份决定书"
    grep -qF "\"origin\":\"$(cat "$1/origin")\"" "$1/client_data.json" || fail "$name 不是在 $(cat "$1/origin") 签的"
    [ "$(head -c 32 "$1/authenticator_data" | od -An -v -tx1 | tr -d ' \n')" = "$(sha256sum <"$1/rp_id" | cut -c1-64)" ] ||
        fail "$name 设备数据不是 $(cat "$1/rp_id") 的"
    flags=$(od -An -tu1 -j32 -N1 "$1/authenticator_data" | tr -d ' ')
    [ $((${flags:-0} & 5)) -eq 5 ] || fail "$name 设备没有核实使用人"
    signature_is_right "$1" || fail "$name 签名不正确"
    # 决定书和签名就是记录里的那一条；公钥是同一个人的、经确认的。
    stated=$(sed 's/\\/\\\\/g; s/"/\\"/g' "$1/statement.json")
    grep -F -- "\"statement\":\"$stated\"" "$records/record.jsonl" | grep -qF "\"signature\":\"$(base64url <"$1/signature")\"" ||
        fail "$name 记录里没有这份决定书和签名"
    fingerprint=$(openssl pkey -pubin -in "$1/key.pem" -outform DER | sha256sum | cut -c1-24)
    approver=$(sed 's/^{"approver":"\([a-z0-9-]*\)".*/\1/' "$1/statement.json")
    confirmed="\"what\":{\"fingerprint\":\"$fingerprint\",\"is_on_paper\":[a-z]*,\"kind\":\"confirmed\",\"person\":\"$approver\"[,}]"
    grep -q "$confirmed" "$records/people.jsonl" ||
        fail "$name 公钥没有经第二人确认为 $approver 的"
    printf '%s %s，公钥指纹 %s，请与《审批人设备登记单》对照\n' "$name" "$(cat "$1/summary.txt")" "$fingerprint"
}

check_chain "$records/people.jsonl" 人员记录
cp "$work/heads" "$work/people"
check_chain "$records/record.jsonl" 审批记录
for head in $(sed -n 's/.*"people":"\([0-9a-f]*\)".*/\1/p' "$records/record.jsonl"); do
    grep -qx "$head" "$work/people" || fail "审批记录所依据的人员记录 $head 不在人员记录中"
done

if ! command -v openssl >/dev/null; then
    fail "没有 openssl，设备签名未核验"
    exit 1
fi
signed=0
for folder in "$records"/proofs/*/; do
    [ -d "$folder" ] || continue
    signed=$((signed + 1))
    check_proof "${folder%/}"
done
decided=$(grep -cF '"kind":"decided"' "$records/record.jsonl")
[ "$(grep -cF '"kind":"passkey"' "$records/record.jsonl")" -eq "$signed" ] || fail "设备签名的数目与记录不同"
echo "审批决定${decided}条，其中设备签名${signed}条；其余由程序当时核验，事后不能独立验证"
[ "$wrong" -eq 0 ] && echo "核验相符（谁是设备的主人，以纸质登记单为准）"
exit "$wrong"

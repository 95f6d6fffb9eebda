# bash completion of hyperscale; made by `hyperscale completions bash`.
_hyperscale() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "submit manager worker status jobs results pause resume scale cancel peer key chaos validate init completions help --help --version" -- "$current"))
    return
  fi
  case "${COMP_WORDS[1]}" in
    submit)
      case "$previous" in
        -u|--vus) COMPREPLY=(); return ;;
        -d|--duration) COMPREPLY=(); return ;;
        -i|--iterations) COMPREPLY=(); return ;;
        -s|--stage) COMPREPLY=(); return ;;
        --rate) COMPREPLY=(); return ;;
        --max-vus) COMPREPLY=(); return ;;
        -X|--method) COMPREPLY=($(compgen -W "GET POST PUT PATCH DELETE HEAD OPTIONS" -- "$current")); return ;;
        -H|--header) COMPREPLY=(); return ;;
        -b|--body) COMPREPLY=(); return ;;
        -e|--env) COMPREPLY=(); return ;;
        --tag) COMPREPLY=(); return ;;
        --threshold) COMPREPLY=(); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --user-agent) COMPREPLY=(); return ;;
        --max-redirects) COMPREPLY=(); return ;;
        --cores) COMPREPLY=(); return ;;
        --memory-max) COMPREPLY=(); return ;;
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --id) COMPREPLY=(); return ;;
        -o|--out) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --summary-export) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --html) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --summary-trend-stats) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "-u --vus -d --duration -i --iterations -s --stage --rate --max-vus -X --method -H --header -b --body -e --env --tag --threshold --no-thresholds --no-setup --no-teardown -c --config -k --insecure-skip-tls-verify --discard-response-bodies --no-connection-reuse --user-agent --max-redirects --cores --memory-max --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --detach --id -o --out --summary-export --html --json --summary-trend-stats -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=($(compgen -f -- "$current"))
      fi ;;
    manager)
      case "$previous" in
        --peers) COMPREPLY=(); return ;;
        --expect) COMPREPLY=(); return ;;
        --tcp) COMPREPLY=(); return ;;
        --udp) COMPREPLY=(); return ;;
        --host) COMPREPLY=(); return ;;
        --advertise) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --dc) COMPREPLY=(); return ;;
        --submit-rate) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --data) COMPREPLY=($(compgen -d -- "$current")); return ;;
        --environment) COMPREPLY=(); return ;;
        --profile) COMPREPLY=($(compgen -W "local lan wan" -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --runtime-dir) COMPREPLY=($(compgen -d -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--peers --expect --tcp --udp --host --advertise --dns --dc --submit-rate --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --data --environment --profile -c --config --runtime-dir --chaos -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    worker)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --tcp) COMPREPLY=(); return ;;
        --udp) COMPREPLY=(); return ;;
        --host) COMPREPLY=(); return ;;
        --advertise) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --dc) COMPREPLY=(); return ;;
        --port-range) COMPREPLY=(); return ;;
        --cores) COMPREPLY=(); return ;;
        --label) COMPREPLY=(); return ;;
        --memory-max) COMPREPLY=(); return ;;
        --exit-without-managers) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --data) COMPREPLY=($(compgen -d -- "$current")); return ;;
        --environment) COMPREPLY=(); return ;;
        --profile) COMPREPLY=($(compgen -W "local lan wan" -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --runtime-dir) COMPREPLY=($(compgen -d -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --tcp --udp --host --advertise --dns --dc --port-range --cores --label --memory-max --exit-without-managers --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --data --environment --profile -c --config --runtime-dir --chaos -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    status)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --job) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --job --watch --json -q --quiet --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    jobs)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --json --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    results)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --summary-export) COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --summary-export --json --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    pause)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    resume)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    scale)
      case "$previous" in
        --vus) COMPREPLY=(); return ;;
        --workflow) COMPREPLY=(); return ;;
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--vus --workflow --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    cancel)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=()
      fi ;;
    peer)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --json --no-color -h --help" -- "$current"))
      else
        COMPREPLY=($(compgen -W "list add remove replace" -- "$current"))
      fi ;;
    key)
      case "$previous" in
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --out) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --role) COMPREPLY=($(compgen -W "worker client operator" -- "$current")); return ;;
        --node) COMPREPLY=(); return ;;
        --days) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--key-file --out --role --node --days --no-color -h --help" -- "$current"))
      else
        COMPREPLY=($(compgen -W "create issue show add promote retire" -- "$current"))
      fi ;;
    chaos)
      case "$previous" in
        --for) COMPREPLY=(); return ;;
        --profile) COMPREPLY=($(compgen -W "mixed network process disk" -- "$current")); return ;;
        --seed) COMPREPLY=(); return ;;
        --submit-rate) COMPREPLY=(); return ;;
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --runtime-dir) COMPREPLY=($(compgen -d -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--for --one-way --profile --seed --submit-rate --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --runtime-dir --json -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        COMPREPLY=($(compgen -W "list kill pause resume restart partition isolate delay loss disk crash-core slow heal random" -- "$current"))
      fi ;;
    validate)
      case "$previous" in
        -u|--vus) COMPREPLY=(); return ;;
        -d|--duration) COMPREPLY=(); return ;;
        -i|--iterations) COMPREPLY=(); return ;;
        -s|--stage) COMPREPLY=(); return ;;
        --rate) COMPREPLY=(); return ;;
        --max-vus) COMPREPLY=(); return ;;
        -X|--method) COMPREPLY=($(compgen -W "GET POST PUT PATCH DELETE HEAD OPTIONS" -- "$current")); return ;;
        -H|--header) COMPREPLY=(); return ;;
        -b|--body) COMPREPLY=(); return ;;
        -e|--env) COMPREPLY=(); return ;;
        --tag) COMPREPLY=(); return ;;
        --threshold) COMPREPLY=(); return ;;
        -c|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
        --user-agent) COMPREPLY=(); return ;;
        --max-redirects) COMPREPLY=(); return ;;
        --cores) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "-u --vus -d --duration -i --iterations -s --stage --rate --max-vus -X --method -H --header -b --body -e --env --tag --threshold --no-thresholds --no-setup --no-teardown -c --config -k --insecure-skip-tls-verify --discard-response-bodies --no-connection-reuse --user-agent --max-redirects --cores --json --no-color -h --help" -- "$current"))
      else
        COMPREPLY=($(compgen -f -- "$current"))
      fi ;;
    init)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "-f --force --no-color -h --help" -- "$current"))
      else
        COMPREPLY=($(compgen -d -- "$current"))
      fi ;;
    completions)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--no-color -h --help" -- "$current"))
      else
        COMPREPLY=($(compgen -W "bash zsh fish" -- "$current"))
      fi ;;
    help) COMPREPLY=($(compgen -W "submit manager worker status jobs results pause resume scale cancel peer key chaos validate init completions help" -- "$current")) ;;
  esac
}
complete -o filenames -F _hyperscale hyperscale

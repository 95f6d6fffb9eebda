# bash completion of hyperscale; made by `hyperscale completions bash`.

# Arguments of the command before the word that is completed. In: the options that take a value.
_hyperscale_place() {
  local at place=0 valued=" = $* "
  for ((at = 2; at < COMP_CWORD; at++)); do
    [[ ${COMP_WORDS[at]} == -?* || $valued == *" ${COMP_WORDS[at-1]} "* ]] || place=$((place + 1))
  done
  echo $place
}

_hyperscale() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # --option=value comes as three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD-2]}
  fi
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
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --user-agent) COMPREPLY=(); return ;;
        --max-redirects) COMPREPLY=(); return ;;
        --cores) COMPREPLY=(); return ;;
        --memory-max) COMPREPLY=(); return ;;
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --id) COMPREPLY=(); return ;;
        -o|--out) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --summary-export) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --html) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --summary-trend-stats) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "-u --vus -d --duration -i --iterations -s --stage --rate --max-vus -X --method -H --header -b --body -e --env --tag --threshold --no-thresholds --no-setup --no-teardown -c --config -k --insecure-skip-tls-verify --discard-response-bodies --no-connection-reuse --user-agent --max-redirects --cores --memory-max --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --detach --id -o --out --summary-export --html --json --summary-trend-stats -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place -u --vus -d --duration -i --iterations -s --stage --rate --max-vus -X --method -H --header -b --body -e --env --tag --threshold -c --config --user-agent --max-redirects --cores --memory-max --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --id -o --out --summary-export --html --summary-trend-stats) in
          0) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")) ;;
        esac
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
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --data) local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$current")); return ;;
        --environment) COMPREPLY=(); return ;;
        --profile) COMPREPLY=($(compgen -W "local lan wan" -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --runtime-dir) local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--peers --expect --tcp --udp --host --advertise --dns --dc --submit-rate --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --data --environment --profile -c --config --runtime-dir --chaos -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --peers --expect --tcp --udp --host --advertise --dns --dc --submit-rate --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --data --environment --profile -c --config --runtime-dir) in
        esac
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
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --data) local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$current")); return ;;
        --environment) COMPREPLY=(); return ;;
        --profile) COMPREPLY=($(compgen -W "local lan wan" -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --runtime-dir) local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --tcp --udp --host --advertise --dns --dc --port-range --cores --label --memory-max --exit-without-managers --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --data --environment --profile -c --config --runtime-dir --chaos -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --tcp --udp --host --advertise --dns --dc --port-range --cores --label --memory-max --exit-without-managers --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --data --environment --profile -c --config --runtime-dir) in
        esac
      fi ;;
    status)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --job) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --job --watch --json -q --quiet --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config --job) in
          0) COMPREPLY=() ;;
        esac
      fi ;;
    jobs)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --json --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config) in
        esac
      fi ;;
    results)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --summary-export) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --summary-export --json --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config --summary-export) in
          0) COMPREPLY=() ;;
        esac
      fi ;;
    pause)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config) in
          0) COMPREPLY=() ;;
        esac
      fi ;;
    resume)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config) in
          0) COMPREPLY=() ;;
        esac
      fi ;;
    scale)
      case "$previous" in
        --vus) COMPREPLY=(); return ;;
        --workflow) COMPREPLY=(); return ;;
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--vus --workflow --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --vus --workflow --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config) in
          0) COMPREPLY=() ;;
        esac
      fi ;;
    cancel)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config) in
          0) COMPREPLY=() ;;
        esac
      fi ;;
    peer)
      case "$previous" in
        --managers) COMPREPLY=(); return ;;
        --dns) COMPREPLY=(); return ;;
        --environment) COMPREPLY=(); return ;;
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config -v --verbose --json --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file -c --config) in
          0) COMPREPLY=($(compgen -W "list add remove replace" -- "$current")) ;;
          1) COMPREPLY=() ;;
          2) COMPREPLY=() ;;
        esac
      fi ;;
    key)
      case "$previous" in
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --out) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --role) COMPREPLY=($(compgen -W "worker client operator" -- "$current")); return ;;
        --node) COMPREPLY=(); return ;;
        --days) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--key-file --out --role --node --days --json --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --key-file --out --role --node --days) in
          0) COMPREPLY=($(compgen -W "create issue show add promote retire" -- "$current")) ;;
          1) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")) ;;
        esac
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
        --key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --credentials) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-cert) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-key) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --tls-ca) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --gossip-key-file) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --runtime-dir) local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$current")); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--for --one-way --profile --seed --submit-rate --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --runtime-dir --json -q --quiet -v --verbose --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place --for --profile --seed --submit-rate --managers --dns --environment --key-file --credentials --tls-cert --tls-key --tls-ca --gossip-key-file --runtime-dir) in
          0) COMPREPLY=($(compgen -W "list kill pause resume restart partition isolate delay loss disk crash-core slow heal random" -- "$current")) ;;
          1) COMPREPLY=() ;;
          2) COMPREPLY=() ;;
          3) COMPREPLY=() ;;
        esac
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
        -c|--config) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")); return ;;
        --user-agent) COMPREPLY=(); return ;;
        --max-redirects) COMPREPLY=(); return ;;
        --cores) COMPREPLY=(); return ;;
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "-u --vus -d --duration -i --iterations -s --stage --rate --max-vus -X --method -H --header -b --body -e --env --tag --threshold --no-thresholds --no-setup --no-teardown -c --config -k --insecure-skip-tls-verify --discard-response-bodies --no-connection-reuse --user-agent --max-redirects --cores --json --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place -u --vus -d --duration -i --iterations -s --stage --rate --max-vus -X --method -H --header -b --body -e --env --tag --threshold -c --config --user-agent --max-redirects --cores) in
          0) local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$current")) ;;
        esac
      fi ;;
    init)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "-f --force --no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place ) in
          0) local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$current")) ;;
        esac
      fi ;;
    completions)
      case "$previous" in
      esac
      if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--no-color -h --help" -- "$current"))
      else
        case $(_hyperscale_place ) in
          0) COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")) ;;
        esac
      fi ;;
    help) COMPREPLY=($(compgen -W "submit manager worker status jobs results pause resume scale cancel peer key chaos validate init completions help" -- "$current")) ;;
  esac
}
complete -o filenames -F _hyperscale hyperscale

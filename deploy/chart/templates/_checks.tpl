{{- /* Milliseconds of a duration such as 1h30m. */}}
{{- define "vps247-operator.milliseconds" -}}
{{- $total := 0.0 }}
{{- range regexFindAll "[0-9.]+[a-zµ]+" . -1 }}
{{- $unit := regexFind "[a-zµ]+$" . }}
{{- $total = addf $total (mulf (regexFind "^[0-9.]+" . | float64) (get (dict "ns" 0.000001 "us" 0.001 "µs" 0.001 "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0 "d" 86400000.0 "w" 604800000.0 "y" 31536000000.0) $unit)) }}
{{- end }}
{{- $total }}
{{- end }}

{{- /* One line for each problem. */}}
{{- define "vps247-operator.problems" -}}
{{- $config := .Values.config }}
{{- $known := .Files.Get "files/settings.json" | fromJson }}

{{- /* Durations: their range, and their order, with the operator's default for those that aren't set. */}}
{{- $durations := dict }}
{{- range $name, $limits := $known.durations }}
{{- $given := get $config $name | default $limits.defaultValue }}
{{- $value := include "vps247-operator.milliseconds" $given | float64 }}
{{- if or (lt $value $limits.minimum) (gt $value $limits.maximum) }}
- config.{{ $name }} is {{ $given }}: it must be {{ $limits.rule }}.
{{- end }}
{{- $_ := set $durations $name (dict "text" $given "value" $value) }}
{{- end }}
{{- range $known.ordered }}
{{- $lesser := get $durations .lesser }}
{{- $greater := get $durations .greater }}
{{- if gt (mulf $lesser.value .factor) $greater.value }}
- config.{{ .lesser }} ({{ $lesser.text }}) must {{ eq .factor 1.0 | ternary "not be longer than" (printf "fit %v times into" .factor) }} config.{{ .greater }} ({{ $greater.text }}).
{{- end }}
{{- end }}
{{- if ge $durations.shutdownGracePeriod.value (mulf .Values.terminationGracePeriodSeconds 1000.0) }}
- config.shutdownGracePeriod ({{ $durations.shutdownGracePeriod.text }}) must be shorter than terminationGracePeriodSeconds ({{ .Values.terminationGracePeriodSeconds }}), or the kubelet kills the operator during its calls.
{{- end }}

{{- /* Scope. */}}
{{- if and (eq .Values.scope "Namespaced") (not .Values.watchNamespaces) }}
- scope is Namespaced, but watchNamespaces is empty. List the namespaces, or set scope to Any.
{{- end }}
{{- if and (eq .Values.scope "Cluster") .Values.watchNamespaces }}
- scope is Cluster, but watchNamespaces is set: {{ join ", " .Values.watchNamespaces }}.
{{- end }}
{{- if and .Values.namespace.create (lookup "v1" "Namespace" "" .Release.Namespace) }}
- namespace.create is for `helm template` only: namespace {{ .Release.Namespace }} already exists. Use `--create-namespace`.
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
- serviceAccount.create is false: set serviceAccount.name to an existing service account.
{{- end }}

{{- /* Replicas. */}}
{{- if and (eq (toString $config.leaderElection) "false") (gt (int .Values.replicas) 1) }}
- replicas is {{ .Values.replicas }} and config.leaderElection is false: several operators would be active and could create two VMs for one object. Set replicas to 1.
{{- end }}
{{- with .Values.podDisruptionBudget }}
{{- $minimum := toString .minAvailable }}
{{- if and (eq (toString .enabled) "true") (lt (int $.Values.replicas) 2) }}
- podDisruptionBudget.enabled is true with replicas: {{ $.Values.replicas }}: it would prevent the node of the only Pod from being drained.
{{- else if and (ne $minimum "") (ne (toString .maxUnavailable) "") }}
- podDisruptionBudget: set minAvailable or maxUnavailable, not both.
{{- else if and (regexMatch "^[0-9]+$" $minimum) (ne (toString .enabled) "false") (ge (int $minimum) (int $.Values.replicas)) }}
- podDisruptionBudget.minAvailable ({{ $minimum }}) must be less than replicas ({{ $.Values.replicas }}), or none of their nodes can be drained.
{{- end }}
{{- end }}

{{- /* Provider and keys. */}}
{{- if ne (empty $config.defaultCredentialsSecret) (empty $config.defaultCredentialsNamespaces) }}
- config.defaultCredentialsSecret and config.defaultCredentialsNamespaces must be set together: the key, and the namespaces that may use it.
{{- end }}
{{- range $config.defaultCredentialsNamespaces }}
{{- if and $.Values.watchNamespaces (not (has . $.Values.watchNamespaces)) }}
- config.defaultCredentialsNamespaces names {{ . }}, which is not in watchNamespaces.
{{- end }}
{{- end }}
{{- if and (hasPrefix "http://" ($config.apiUrl | default "")) (not $config.insecureApiUrl) (not (regexMatch "^http://(localhost|127[0-9.]+|\\[::1\\])(:|/|$)" $config.apiUrl)) }}
- config.apiUrl must be https, because API keys are sent there; for a test, also set config.insecureApiUrl.
{{- end }}

{{- /* Ports. */}}
{{- $metrics := include "vps247-operator.port" $config.metricsAddress }}
{{- $health := include "vps247-operator.port" $config.healthAddress }}
{{- range $name, $port := dict "metricsAddress" $metrics "healthAddress" $health }}
{{- if eq (int $port) 0 }}
- config.{{ $name }} must include a port other than 0: a random port can't be found.
{{- end }}
{{- end }}
{{- if eq (int $metrics) (int $health) }}
- config.metricsAddress and config.healthAddress must have different ports; both have {{ $health }}.
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
- serviceMonitor.enabled and podMonitor.enabled are both true: every metric would be scraped twice.
{{- end }}
{{- range $name := list "serviceMonitor" "podMonitor" }}
{{- with get $.Values $name }}
{{- if and .interval .scrapeTimeout (gt (include "vps247-operator.milliseconds" .scrapeTimeout | float64) (include "vps247-operator.milliseconds" .interval | float64)) }}
- {{ $name }}.scrapeTimeout ({{ .scrapeTimeout }}) must not be longer than {{ $name }}.interval ({{ .interval }}), or the Prometheus Operator ignores the monitor.
{{- end }}
{{- end }}
{{- end }}
{{- $alerts := list }}
{{- range (.Files.Get "files/rules.yaml" | fromYaml).groups }}
{{- range .rules }}
{{- $alerts = append $alerts (default "" .alert) }}
{{- end }}
{{- end }}
{{- range .Values.prometheusRule.disabledAlerts }}
{{- if not (has . $alerts) }}
- prometheusRule.disabledAlerts names {{ . }}, which isn't an alert of this chart.
{{- end }}
{{- end }}

{{- /* Flags and variables for settings that other objects of the chart depend on. */}}
{{- range $argument := .Values.extraArgs }}
{{- range $flag, $instead := $known.fixed }}
{{- if or (eq $argument $flag) (hasPrefix (printf "%s=" $flag) $argument) }}
- extraArgs has {{ $flag }}: use {{ $instead }}, because other objects depend on it.
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.extraEnv }}
{{- with get $known.fixedVariables .name }}
- extraEnv has a variable that belongs to {{ . }}: use that value, because other objects depend on it.
{{- end }}
{{- end }}
{{- end }}

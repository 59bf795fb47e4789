{{- /* The operator's settings as environment variables: pollInterval is VPS247_POLL_INTERVAL. What is not given has the operator's
own default. */}}
{{- define "vps247-operator.settings" -}}
{{- range $name, $value := .Values.config }}
{{- if not (or (kindIs "invalid" $value) (and (kindIs "string" $value) (empty $value)) (and (kindIs "slice" $value) (empty $value))) }}
- name: VPS247_{{ $name | snakecase | upper }}
  {{- if kindIs "slice" $value }}
  value: {{ join "," $value | quote }}
  {{- else if kindIs "float64" $value }}
  value: {{ int64 $value | quote }}
  {{- else }}
  value: {{ toString $value | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

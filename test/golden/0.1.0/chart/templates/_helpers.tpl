{{- define "vps247-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* A release that is named after the chart gives its objects just that name. */}}
{{- define "vps247-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "vps247-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "vps247-operator.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "vps247-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "vps247-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "vps247-operator.releaseLabels" -}}
app.kubernetes.io/name: {{ include "vps247-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Labels that only the operator's Pods have, not the Pod of `helm test`. A Deployment's selector is immutable: never add or remove a
label here. */}}
{{- define "vps247-operator.selectorLabels" -}}
{{ include "vps247-operator.releaseLabels" . }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "vps247-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "vps247-operator.releaseLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The metadata of an object, from (dict "root" .) and, where there are any, "name", "namespace", "labels", "annotations". */}}
{{- define "vps247-operator.metadata" -}}
name: {{ .name | default (include "vps247-operator.fullname" .root) }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "vps247-operator.labels" .root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge dict (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What stays when everything else is deleted: with the CustomResourceDefinition, all VirtualMachines would go. */}}
{{- define "vps247-operator.keptAnnotations" -}}
argocd.argoproj.io/sync-options: Prune=false,Delete=false
helm.sh/resource-policy: keep
kustomize.toolkit.fluxcd.io/prune: disabled
{{- end }}

{{- define "vps247-operator.image" -}}
{{- with .Values.image }}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- with .digest }}@{{ . }}{{ end }}
{{- end }}
{{- end }}

{{- define "vps247-operator.leaseNamespace" -}}
{{- default .Release.Namespace .Values.config.leaderElectionNamespace }}
{{- end }}

{{- /* One for each release, whatever its scope: so an upgrade that changes the scope never has two that act. */}}
{{- define "vps247-operator.leaseName" -}}
{{- if eq (include "vps247-operator.leaseNamespace" .) .Release.Namespace }}
{{- include "vps247-operator.fullname" . }}
{{- else }}
{{- printf "%s-%s" .Release.Namespace (include "vps247-operator.fullname" .) }}
{{- end }}
{{- end }}

{{- /* The port of an address such as 0.0.0.0:8080 or [::]:8080. */}}
{{- define "vps247-operator.port" -}}
{{- regexFind "[0-9]+$" . }}
{{- end }}

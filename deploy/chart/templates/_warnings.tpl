{{- /* Warnings for NOTES.txt. They query only the served API versions, because a user who may install into a few namespaces may not
read more. */}}
{{- define "vps247-operator.warnings" -}}
{{- if and (not .Values.crds.enabled) (not (.Capabilities.APIVersions.Has "vps247.com/v1alpha1/VirtualMachine")) }}
- crds.enabled is false and this cluster doesn't serve VirtualMachines: the operator isn't ready until you apply the CRD.
{{- end }}
{{- if and .Values.crds.enabled (not .Values.crds.protection) }}
- crds.protection is false: the API server doesn't refuse to delete VirtualMachines with spec.deletionProtection (the operator keeps their VMs), nor the CRD with all of them.
{{- end }}
{{- if not .Values.rbac.create }}
- rbac.create is false: the operator isn't ready until service account {{ .Release.Namespace }}/{{ include "vps247-operator.serviceAccountName" . }} has the required permissions.
{{- end }}
{{- if and .Values.watchNamespaces .Values.crds.enabled }}
- The CRD is cluster-scoped. If several releases share it, enable crds.enabled only in the newest one.
{{- end }}
{{- if eq (int .Values.replicas) 0 }}
- replicas is 0: no VirtualMachine is reconciled.
{{- else if eq (int .Values.replicas) 1 }}
- replicas is 1: no replica is on standby if its node fails.
{{- end }}
{{- if eq (toString .Values.config.leaderElection) "false" }}
- config.leaderElection is false: never run a second operator for the same objects.
{{- end }}
{{- with .Values.takeOverFrom }}
- takeOverFrom: this installation takes over the VirtualMachines of {{ join ", " . }}. Uninstall that installation if it still runs, and remove the value once the metric vps247_operator_objects_owned_by_others is 0.
{{- end }}
{{- if and .Values.config.insecureApiUrl (hasPrefix "http://" (default "" .Values.config.apiUrl)) }}
- config.insecureApiUrl is true: API keys and root passwords are sent in plain text.
{{- end }}
{{- if and .Values.config.serveTargets (not (and .Values.networkPolicy.enabled .Values.networkPolicy.metricsFrom)) }}
- config.serveTargets is true and networkPolicy.metricsFrom doesn't restrict who reads /targets: every Pod can read names, labels and public addresses of the VMs of all namespaces.
{{- end }}
{{- if not (or .Values.serviceMonitor.enabled .Values.podMonitor.enabled) }}
- Metrics aren't scraped. Set serviceMonitor.enabled or podMonitor.enabled if you use the Prometheus Operator.
{{- else if not .Values.prometheusRule.enabled }}
- Alerts aren't installed. Set prometheusRule.enabled.
{{- end }}
{{- if not .Values.config.maxMachinesPerNamespace }}
- The number of VMs for each namespace isn't limited. Set config.maxMachinesPerNamespace.
{{- end }}
{{- end }}

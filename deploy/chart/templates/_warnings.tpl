{{- /* What is missing, or unwise, for NOTES.txt. Nothing here asks the cluster for more than what it serves: whoever may install into a
few namespaces may not read more. */}}
{{- define "vps247-operator.warnings" -}}
{{- if and (not .Values.crds.enabled) (not (.Capabilities.APIVersions.Has "vps247.com/v1alpha1/VirtualMachine")) }}
- crds.enabled is false and this cluster does not serve VirtualMachines: the operator stays unready until the CustomResourceDefinition is applied.
{{- end }}
{{- if and .Values.crds.enabled (not .Values.crds.protection) }}
- crds.protection is false: the API server deletes VirtualMachines with spec.deletionProtection, whose VMs then stay, and the CustomResourceDefinition with all of them.
{{- end }}
{{- if not .Values.rbac.create }}
- rbac.create is false: the operator stays unready until service account {{ .Release.Namespace }}/{{ include "vps247-operator.serviceAccountName" . }} has its rights.
{{- end }}
{{- if and .Values.watchNamespaces .Values.crds.enabled }}
- The CustomResourceDefinition is the whole cluster's: where several releases share it, let the newest one have crds.enabled.
{{- end }}
{{- if eq (int .Values.replicas) 0 }}
- replicas is 0: nothing is looked after.
{{- else if eq (int .Values.replicas) 1 }}
- replicas is 1: nobody stands by when its node fails.
{{- end }}
{{- if eq (toString .Values.config.leaderElection) "false" }}
- config.leaderElection is false: see to it that there is never a second operator for the same objects.
{{- end }}
{{- with .Values.takeOverFrom }}
- takeOverFrom: this installation takes over the VirtualMachines of {{ join ", " . }}. Uninstall that installation if it still runs, and remove the value once the metric vps247_operator_objects_owned_by_others is 0.
{{- end }}
{{- if and .Values.config.insecureApiUrl (hasPrefix "http://" (default "" .Values.config.apiUrl)) }}
- config.insecureApiUrl is true: API keys and root passwords travel in clear text.
{{- end }}
{{- if not (or .Values.serviceMonitor.enabled .Values.podMonitor.enabled) }}
- Nothing reads the metrics: serviceMonitor.enabled or podMonitor.enabled has the Prometheus Operator do it.
{{- else if not .Values.prometheusRule.enabled }}
- Nobody is alerted: prometheusRule.enabled brings the alerts.
{{- end }}
{{- if not .Values.config.maxMachinesPerNamespace }}
- Nothing limits how many machines a namespace may have: config.maxMachinesPerNamespace does.
{{- end }}
{{- end }}

{{- /* All that the operator may do with objects and what belongs to them, each verb by name, wherever it is granted: in the whole
cluster, or in the namespaces that are watched. It may neither create nor delete a VirtualMachine: that is for people. */}}
{{- define "vps247-operator.rules" -}}
# Patch is for metadata: the finalizer and the annotations that tell which machine is whose.
- apiGroups: [vps247.com]
  resources: [virtualmachines]
  verbs: [get, list, watch, patch]
- apiGroups: [vps247.com]
  resources: [virtualmachines/status]
  verbs: [patch]
# API keys, which it never writes; and Secrets with initial passwords, which it creates and can neither change nor delete:
# whatever is there already is safe from it. It gets the Secrets that objects name, and lists and watches those labelled
# vps247.com/credentials=true, so that a new key works at once. RBAC can't tell labels apart, and the names are the users'
# own: as far as Kubernetes knows, this account may read every Secret {{ . }}.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create]
# Patch is for counting an event that happens again.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- define "vps247-operator.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "vps247-operator.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}

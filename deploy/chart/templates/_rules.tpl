{{- /* The operator's permissions on objects and what belongs to them, each verb by name: for the cluster, or for each namespace that is
watched. The comments are the reasons in docs/rbac.md. */}}
{{- define "vps247-operator.rules" -}}
# Reads the objects. Patches only metadata: the finalizer, and annotations such as the create intent. The operator can neither create
# nor delete a VirtualMachine.
- apiGroups: [vps247.com]
  resources: [virtualmachines]
  verbs: [get, list, watch, patch]
# Writes the status.
- apiGroups: [vps247.com]
  resources: [virtualmachines/status]
  verbs: [patch]
{{- if .root.Values.accounts.enabled }}
# Reads Accounts.
- apiGroups: [vps247.com]
  resources: [accounts]
  verbs: [list, watch]
# Writes the status of Accounts.
- apiGroups: [vps247.com]
  resources: [accounts/status]
  verbs: [patch]
{{- end }}
# Reads API keys: gets the Secrets that objects name, and lists and watches those with the label vps247.com/credentials=true, so that it
# picks up a rotated key immediately. Creates Secrets with initial passwords; it can neither change nor delete a Secret. RBAC can't
# restrict by label, and users choose the names, so the service account may read every Secret {{ .where }}.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create]
# Emits events. Patches one to count it when it happens again.
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

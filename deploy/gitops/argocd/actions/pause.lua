-- Pauses reconciliation of the VM, including its deletion.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["vps247.com/paused"] = "true"
return obj

-- Nothing happens to the machine from now on, deletion included.
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["vps247.com/paused"] = "true"
return obj

-- Everything is looked at afresh, and what was put off is tried.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["vps247.com/reconcile-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj

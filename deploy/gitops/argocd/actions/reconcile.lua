-- Triggers an immediate reconciliation, and retries delayed actions.
local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["vps247.com/reconcile-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj

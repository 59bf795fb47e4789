-- Any new text restarts a running VM once.
local os = require("os")
obj.spec.restartRequest = "argocd-" .. os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj

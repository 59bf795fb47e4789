if obj.metadata.annotations ~= nil then
  obj.metadata.annotations["vps247.com/paused"] = nil
end
return obj

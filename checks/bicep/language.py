"""What Bicep knows by itself (learn.microsoft.com, "Bicep functions", "Decorators")."""

_FUNCTIONS = """
any array base64 base64ToJson base64ToString bool buildUri cidrHost cidrSubnet coalesce concat contains dataUri
dataUriToString dateTimeAdd dateTimeFromEpoch dateTimeToEpoch deployer deployment empty endsWith environment
extensionResourceId fail filter first flatten format groupBy guid indexOf int intersection items join json last
lastIndexOf length loadFileAsBase64 loadJsonContent loadTextContent loadYamlContent managementGroup
managementGroupResourceId map mapValues max min nameof newGuid objectKeys padLeft parseCidr parseUri pickZones
range readEnvironmentVariable reduce reference replace resourceGroup resourceId shallowMerge skip sort split
startsWith string subscription subscriptionResourceId substring take tenant tenantResourceId toLogicalZone
toLogicalZones toLower toObject toPhysicalZone toPhysicalZones toUpper trim union uniqueString uri uriComponent
uriComponentToString utcNow
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
_DECORATORS = """
allowed batchSize description discriminator export maxLength maxValue metadata minLength minValue sealed secure
"""
DECORATORS = frozenset(_DECORATORS.split())
NAMESPACES = frozenset(["az", "sys"])
LOADING = frozenset(["loadJsonContent", "loadTextContent", "loadYamlContent", "loadFileAsBase64"])

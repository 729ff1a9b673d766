metadata description = 'Log Analytics, and Application Insights on it.'

@description('Name of the workspace.')
@minLength(4)
@maxLength(63)
param workspaceName string

@description('Name of the Application Insights component.')
@minLength(1)
@maxLength(260)
param componentName string

@description('Region of all resources.')
param location string

@description('Tags of all resources.')
param tags object

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Object id of each principal of grants.json; an empty one gets nothing.')
param principals object

@description('Kind of the operator.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string

var roles = any(loadJsonContent('../roles.json'))
var given = filter(
  any(loadJsonContent('../grants.json')),
  grant => grant.service == 'monitoring' && !empty(principals[grant.principal])
)

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    features: { disableLocalAuth: true }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource componentRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in given: {
    scope: component
    name: guid(component.id, grant.principal, grant.role)
    properties: {
      principalId: principals[grant.principal]
      principalType: grant.principal == 'operator' ? operatorType : 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[grant.role])
      description: grant.why
    }
  }
]

output workspaceId string = workspace.id
output componentName string = component.name
output connectionString string = component.properties.ConnectionString

-- Which product a service plan brings, by Microsoft's names of service plans; the pipeline file may add to it.
SELECT service_plan_name, product
FROM (VALUES
  ('EXCHANGE_S_ENTERPRISE', 'exchange'), ('EXCHANGE_S_STANDARD', 'exchange'), ('EXCHANGE_S_DESKLESS', 'exchange'),
  ('EXCHANGE_S_ENTERPRISE_GOV', 'exchange'), ('EXCHANGE_S_STANDARD_GOV', 'exchange'),
  ('EXCHANGE_S_STANDARD_MIDMARKET', 'exchange'), ('EXCHANGE_L_STANDARD', 'exchange'), ('EXCHANGE_B_STANDARD', 'exchange'),
  ('SHAREPOINTENTERPRISE', 'sharepoint'), ('SHAREPOINTENTERPRISE', 'onedrive'),
  ('SHAREPOINTENTERPRISE_EDU', 'sharepoint'), ('SHAREPOINTENTERPRISE_EDU', 'onedrive'),
  ('SHAREPOINTENTERPRISE_GOV', 'sharepoint'), ('SHAREPOINTENTERPRISE_GOV', 'onedrive'),
  ('SHAREPOINTENTERPRISE_MIDMARKET', 'sharepoint'), ('SHAREPOINTENTERPRISE_MIDMARKET', 'onedrive'),
  ('SHAREPOINTSTANDARD', 'sharepoint'), ('SHAREPOINTSTANDARD', 'onedrive'),
  ('SHAREPOINTSTANDARD_EDU', 'sharepoint'), ('SHAREPOINTSTANDARD_EDU', 'onedrive'),
  ('SHAREPOINTDESKLESS', 'sharepoint'), ('SHAREPOINTDESKLESS', 'onedrive'),
  ('ONEDRIVESTANDARD', 'onedrive'), ('ONEDRIVEENTERPRISE', 'onedrive'), ('ONEDRIVE_BASIC', 'onedrive'),
  ('TEAMS1', 'teams'), ('TEAMS_GOV', 'teams'), ('TEAMS_AR_DOD', 'teams'), ('TEAMS_AR_GCCHIGH', 'teams'),
  ('YAMMER_ENTERPRISE', 'viva_engage'), ('YAMMER_EDU', 'viva_engage'), ('YAMMER_MIDSIZE', 'viva_engage'),
  ('VIVAENGAGE_CORE', 'viva_engage'),
  ('MCOSTANDARD', 'skype_for_business'), ('MCOIMP', 'skype_for_business'), ('MCOLITE', 'skype_for_business'),
  ('MCOSTANDARD_GOV', 'skype_for_business'), ('MCOSTANDARD_MIDMARKET', 'skype_for_business'),
  ('M365_COPILOT_APPS', 'copilot'), ('M365_COPILOT_TEAMS', 'copilot'), ('M365_COPILOT_BUSINESS_CHAT', 'copilot'),
  ('M365_COPILOT_SHAREPOINT', 'copilot'),
  ('OFFICESUBSCRIPTION', 'microsoft365_apps'), ('OFFICESUBSCRIPTION_GOV', 'microsoft365_apps'),
  ('OFFICESUBSCRIPTION_STUDENT', 'microsoft365_apps'), ('OFFICE_BUSINESS', 'microsoft365_apps'),
  ('OFFICEMOBILE_SUBSCRIPTION', 'microsoft365_apps'), ('OFFICEMOBILE_SUBSCRIPTION_GOV', 'microsoft365_apps'),
  ('SHAREPOINTWAC', 'microsoft365_apps'), ('SHAREPOINTWAC_EDU', 'microsoft365_apps'),
  ('SHAREPOINTWAC_GOV', 'microsoft365_apps')
) AS t(service_plan_name, product)
UNION
SELECT service_plan_name, product FROM plans

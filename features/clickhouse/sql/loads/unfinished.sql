-- Question: which loads left rows behind without having been committed?
-- Grain:    one row per table × load.
-- Parameters: none.
-- As of:    now.
SELECT DISTINCT 'imported_accounts' AS name, load FROM imported_accounts WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_order_lines' AS name, load FROM imported_order_lines WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_interactions' AS name, load FROM imported_interactions WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_wallets' AS name, load FROM imported_wallets WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_contracts' AS name, load FROM imported_contracts WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_products' AS name, load FROM imported_products WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_fx_rates' AS name, load FROM imported_fx_rates WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_outcomes' AS name, load FROM imported_outcomes WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_people' AS name, load FROM imported_people WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_managers' AS name, load FROM imported_managers WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_invoices' AS name, load FROM imported_invoices WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_payments' AS name, load FROM imported_payments WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_targets' AS name, load FROM imported_targets WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_touches' AS name, load FROM imported_touches WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_consents' AS name, load FROM imported_consents WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_account_links' AS name, load FROM imported_account_links WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_pauses' AS name, load FROM imported_pauses WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_holidays' AS name, load FROM imported_holidays WHERE load NOT IN (SELECT load FROM loads)
UNION ALL
SELECT DISTINCT 'imported_assessments' AS name, load FROM imported_assessments WHERE load NOT IN (SELECT load FROM loads)

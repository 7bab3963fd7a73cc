-- Prices are whole minor units per word, so amounts are exact.
select invoice_line_id as id, word_count, unit_price_minor, amount_minor
from {{ ref("invoice_lines") }}
where amount_minor != word_count * unit_price_minor
union all
select translation_id as id, word_count, unit_price_minor, price_minor
from {{ ref("usage") }}
where price_minor != word_count * unit_price_minor

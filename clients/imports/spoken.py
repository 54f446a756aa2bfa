"""The headers people's files have: in Portuguese, Spanish and English, and as ERPs name them; what a page guesses columns by.

Words are keys as ``mapping.key_of`` makes them (no case, accents or punctuation). Guesses are offered, never taken unseen.
ERPs: Protheus (A1_, A3_, B1_, C5_), WinThor (CODCLI, CODUSUR …), Sankhya (CODPARC …), SAP Business One (CardCode …).
"""

import difflib
from collections.abc import Sequence

from clients.imports.kinds.base import Kind

SPOKEN = {
    "client_code": "codigo_cliente cod_cliente codigo_do_cliente codcli cod_cli cliente id_cliente cliente_id codparc c5_cliente a1_cod"
    " cardcode customer customer_id customer_code client_id client account account_code codigo_de_cliente cod_parceiro",
    "representative_code": "vendedor representante codigo_vendedor cod_vendedor codigo_do_vendedor codusur codvend rca cod_rca cod_rep"
    " codigo_representante a1_vend c5_vend1 a3_cod slpcode sales_rep seller rep salesperson comercial viajante",
    "product_code": "produto codigo_produto cod_produto codigo_do_produto codprod b1_cod itemcode sku item stock_code product_id product"
    " articulo codigo_articulo referencia",
    "order_code": "pedido numero_pedido num_pedido numero_do_pedido n_pedido numped nunota nota nota_fiscal numero_nota nf c5_num docnum"
    " invoice invoice_no order order_id order_number factura numero_factura pedido_numero",
    "name": "nome razao_social razao cliente_nome nome_do_cliente nome_cliente nomeparc a1_nome cardname razon_social nombre denominacion"
    " company company_name customer_name client_name full_name",
    "trade_name": "fantasia nome_fantasia nome_de_fantasia a1_nreduz apelido nombre_comercial nombre_fantasia trading_name brand",
    "tax_id": "cnpj cnpj_cpf cpf_cnpj cgc cgc_cpf cgcent a1_cgc documento lictradnum cuit nit rut ruc rfc nif vat vat_number tax_number",
    "segment": "segmento ramo ramo_atividade ramo_de_atividade atividade canal rubro giro industry sector",
    "size": "porte tamanho tamano company_size",
    "address": "endereco logradouro rua endent a1_end direccion domicilio calle street address_line_1 address1",
    "city": "cidade municipio municent a1_mun nomecid ciudad localidad town",
    "ibge_code": "ibge codigo_ibge cod_ibge cod_municipio codigo_municipio",
    "state": "uf estado estent a1_est uf_cliente provincia departamento region province",
    "latitude": "lat",
    "longitude": "lon lng long",
    "phone": "telefone fone celular telent a1_tel tel whatsapp telefono movil mobile phone_number telephone contact_phone phone1",
    "email": "e_mail correio mail a1_email correo correo_electronico email_address",
    "tags": "etiquetas marcadores grupos",
    "hold": "nunca_girar fixo trava",
    "blocked": "bloqueado bloqueio a1_msblql inativo_cadastro bloqueada",
    "role": "cargo funcao puesto job_title title position",
    "decision_role": "papel papel_na_decisao decisor poder_de_decisao",
    "preferred_channel": "canal_preferido canal_preferencial",
    "category": "categoria grupo familia linha departamento b1_grupo family group",
    "unit": "unidade un um unid b1_um unidad uom",
    "stock_quantity": "estoque saldo quantidade_estoque qtd_estoque existencia existencias stock onhand",
    "stock_since": "estoque_desde ultima_entrada data_entrada",
    "season": "estacao sazonalidade temporada",
    "ordered_on": "data data_pedido data_do_pedido emissao data_emissao dt_emissao dtfat dtneg c5_emissao docdate date order_date"
    " invoice_date invoice_ts fecha fecha_pedido fecha_factura fecha_emision",
    "status": "situacao estado_pedido status_pedido posicao",
    "amount": "valor total valor_total vl_total vltotal vlatend vlrnota valor_pedido valor_do_pedido valor_liquido doctotal amount_usd"
    " importe importe_total monto monto_total order_total net_amount grand_total",
    "quantity": "quantidade qtd qtde qt quant cantidad qty units",
    "unit_price": "preco preco_unitario valor_unitario vl_unitario vlr_unit pvenda precio precio_unitario price unit_price_gbp",
    "started_on": "inicio desde data_inicio data_inicial start from fecha_inicio start_date",
    "ended_on": "fim ate data_fim data_final end to fecha_fin end_date",
    "starts_on": "inicio inicio_vigencia vigencia_inicio data_inicio desde start start_date fecha_inicio",
    "ends_on": "fim fim_vigencia vigencia_fim vencimento data_fim ate end end_date expires fecha_fin fecha_vencimiento",
    "period": "periodo periodicidade periodicidad",
    "orders_expected": "espera_pedidos pedidos_esperados",
    "contract_code": "contrato numero_contrato num_contrato codigo_contrato contract contract_number",
    "reason": "motivo razao_da_troca",
    "visited_at": "visita data_visita data_da_visita dt_visita visit_date check_in checkin fecha_visita data",
    "outcome": "resultado desfecho result",
    "no_sale_reason": "motivo_nao_venda motivo_de_nao_venda justificativa",
    "note": "observacao obs anotacao nota comentario observaciones notes comment remarks",
    "next_contact_on": "proximo_contato retorno proxima_visita next_contact follow_up",
    "observed_on": "data data_consulta data_da_consulta fecha date",
    "score": "pontuacao score_serasa puntaje rating",
    "overdue_amount": "em_atraso valor_em_atraso vencido valor_vencido atraso overdue vencida",
    "restrictions": "restricoes pendencias negativacoes restricciones",
    "event": "evento ocorrencia",
    "contract_type": "tipo_contrato vinculo contrato tipo",
    "team": "equipe time supervisao supervisor equipo team_name",
    "base_city": "cidade cidade_base base municipio",
    "base_state": "uf uf_base estado",
    "capacity_clients": "capacidade capacidade_clientes",
    "capacity_minutes_week": "minutos_semana capacidade_minutos",
    "receive_ceiling": "maximo_receber maximo_a_receber maximo_a_receber_por_giro",
    "give_ceiling": "maximo_ceder maximo_a_ceder maximo_a_ceder_por_giro",
    "regions": "regioes ufs praca pracas zonas",
    "segments": "segmentos ramos canais",
    "valid_from": "admissao data_admissao inicio desde",
    "valid_to": "demissao desligamento data_saida fim ate",
}
# What a word means in one kind of file only: a file of clients says “código” and means theirs, WinThor's “cliente” there is the name.
OF_KIND = {
    ("clients", "client_code"): "codigo code id cod key",
    ("clients", "name"): "cliente client customer parceiro",
    ("products", "product_code"): "codigo code id cod referencia ref",
    ("products", "name"): "descricao produto descripcion description b1_desc product product_name desc articulo",
    ("representatives", "representative_code"): "codigo code id cod matricula",
    ("representatives", "name"): "vendedor representante nome_vendedor a3_nome slpname salesperson seller",
    ("contacts", "name"): "contato contacto contact contact_name nome_contato",
    ("orders", "representative_code"): "vendedor",
}


def spoken(kind: str, column: str) -> list[str]:
    """The keys a header of this column may have, the likeliest first."""
    return [column, *OF_KIND.get((kind, column), "").split(), *SPOKEN.get(column, "").split()]


def guess_columns(keys: Sequence[str], kind: type[Kind]) -> dict[str, int]:
    """For each column of ``kind`` that a header seems to mean, the header's position; each header is guessed once.

    Parameters
    ----------
    keys : the file's headers as ``mapping.key_of`` makes them, in their order
    """
    free = {key: position for position, key in reversed(list(enumerate(keys))) if key}
    found: dict[str, int] = {}
    # Surest first: our columns' names, those of the organization's own fields, words of this kind, words of any, what is nearly a name.
    for words in (
        lambda column: [column.name],
        lambda column: [column.key] if column.key else [],
        lambda column: OF_KIND.get((kind.name, column.name), "").split(),
        lambda column: SPOKEN.get(column.name, "").split(),
        lambda column: difflib.get_close_matches(column.key or column.name, list(free), n=1, cutoff=0.85),
    ):
        for column in kind.offers:
            hit = next((key for key in words(column) if key in free), None) if column.name not in found else None
            if hit is not None:
                found[column.name] = free.pop(hit)
    return found
